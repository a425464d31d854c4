package main

import (
	"os"
	"path/filepath"
	"time"
)

// source is where a value came from.
type source string

const (
	fromServer   source = "server"
	fromSnapshot source = "snapshot"
	fromFailover source = "failover"
	fromUnknown  source = "unknown"
)

// A file that was written shorter ago than this before a read may bear the same time when it is written again:
// file systems stamp with the kernel's coarse clock.
const coarseClock = 20 * time.Millisecond

// cacheFiles are those of one item (nacos-facts.md §3.4).
type cacheFiles struct {
	snapshot, failover string
}

func filesOf(folder, namespace string, k key) cacheFiles {
	path := filepath.Join(folder, "config", k.DataID+"@@"+k.Group+"@@"+namespace)
	return cacheFiles{snapshot: path, failover: path + "_failover"}
}

// reading is what the files were before a read.
type reading struct {
	files    cacheFiles
	failover string
	snapshot os.FileInfo
	at       time.Time
}

func (f cacheFiles) before() reading {
	r := reading{files: f, at: time.Now()}
	if content, err := os.ReadFile(f.failover); err == nil {
		r.failover = string(content)
	}
	r.snapshot, _ = os.Stat(f.snapshot)
	return r
}

// after tells where the content that was read came from. The SDK takes a failover file that is not empty before all
// else. It writes the snapshot after every good answer of a server, also one without news, and reads it only when
// there is no such answer.
func (r reading) after(content string) source {
	if r.failover != "" && r.failover == content {
		return fromFailover
	}
	now, err := os.Stat(r.files.snapshot)
	switch {
	case r.snapshot == nil:
		// Without a file an answer cannot come from it.
		return fromServer
	case err != nil || !os.SameFile(now, r.snapshot) || !now.ModTime().Equal(r.snapshot.ModTime()):
		return fromServer
	case r.at.Sub(now.ModTime()) < coarseClock:
		return fromUnknown
	}
	if saved, err := os.ReadFile(r.files.snapshot); err == nil && string(saved) == content {
		return fromSnapshot
	}
	return fromUnknown
}
