package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnEventIsOneLineWithItsContentAndChecksum(t *testing.T) {
	var out bytes.Buffer
	log := newEventLog(&out)
	number, id := 0, int64(7)
	text, absent := held("a\n\"b\""), held("")
	log.add(&event{Event: "got", Client: &number, ID: &id, Held: &text, Source: fromServer})
	log.add(&event{Event: "got", Client: &number, ID: &id, Held: &absent, finish: func(e *event) { e.Source = fromSnapshot }})
	log.add(&event{Event: "clock"})
	log.flush()

	lines := strings.Split(out.String(), "\n")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("not three lines: %q", out.String())
	}
	expect := []string{
		`"client":0,"id":7,"source":"server","content":"a\n\"b\"","md5":"f61b0cbd8e1d6fa37a75e180b44e03a1"`,
		`"client":0,"id":7,"source":"snapshot","content":null,"md5":null`,
		`{"event":"clock","at":`,
	}
	for i, part := range expect {
		if !strings.Contains(lines[i], part) {
			t.Errorf("line %d is `%s` and has no `%s`", i, lines[i], part)
		}
	}
}

func TestCommandsAreReadUntilStopAndUnknownOnesFail(t *testing.T) {
	var out bytes.Buffer
	log := newEventLog(&out)
	d := driver{events: log, clients: map[int]*client{}}
	input := "{\"command\":\"clock\",\"more\":1}\n\n{\n{\"command\":\"get\",\"client\":3,\"id\":1}\n{\"command\":\"stop\"}\n{\"command\":\"clock\"}\n"
	if err := d.serve(strings.NewReader(input)); err != nil {
		t.Fatal(err)
	}
	log.flush()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	expect := []string{`"event":"clock"`, "not a command", `"client":3,"id":1,"command":"get","message":"client 3 was never started"`}
	if len(lines) != len(expect) {
		t.Fatalf("%q", lines)
	}
	for i, part := range expect {
		if !strings.Contains(lines[i], part) {
			t.Errorf("line %d is `%s` and has no `%s`", i, lines[i], part)
		}
	}
}

func TestASourceIsToldFromTheFiles(t *testing.T) {
	folder := t.TempDir()
	files := filesOf(folder, "", key{DataID: "d", Group: "g"})
	if err := os.MkdirAll(filepath.Dir(files.snapshot), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, content string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, found, wanted source) {
		t.Helper()
		if found != wanted {
			t.Errorf("%s: `%s` instead of `%s`", what, found, wanted)
		}
	}

	expect("no file", files.before().after("x"), fromServer)
	write(files.snapshot, "x", time.Hour)
	expect("a snapshot that stayed", files.before().after("x"), fromSnapshot)
	expect("a snapshot that says otherwise", files.before().after("y"), fromUnknown)
	before := files.before()
	write(files.snapshot, "x", 0)
	expect("a snapshot that was written anew", before.after("x"), fromServer)
	expect("one so new that another write would not show", files.before().after("x"), fromUnknown)
	write(files.failover, "f", time.Hour)
	expect("a failover file", files.before().after("f"), fromFailover)
}
