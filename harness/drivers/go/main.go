// Driver of nacos-sdk-go/v2: real Go clients for the harness, by the driver protocol (harness/docs/driver-protocol.md).
//
// Commands come on standard input, one line of JSON each; events go to standard output. This file reads the commands
// and gives each to its client.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const (
	sdkModule = "github.com/nacos-group/nacos-sdk-go/v2"
	// The protocol gives 5 s; some of it is for what is still to be written.
	closeWithin = 4 * time.Second
)

func main() {
	events := newEventLog(os.Stdout)
	// Whatever the SDK prints is no event.
	os.Stdout = os.Stderr
	events.add(hello())
	d := driver{events: events, clients: map[int]*client{}}
	if err := d.serve(os.Stdin); err != nil {
		events.add(&event{Event: "log", Message: err.Error()})
	}
	d.close()
	events.flush()
}

func hello() *event {
	return &event{
		Event: "hello", Protocol: 1, Driver: "go", SDK: "nacos-sdk-go/v2", SDKVersion: sdkVersion(), Runtime: runtime.Version(),
	}
}

// sdkVersion is the version that was linked, without its leading v.
func sdkVersion() string {
	build, ok := debug.ReadBuildInfo()
	if ok {
		for _, module := range build.Deps {
			if module.Path == sdkModule {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "unknown"
}

// driver holds the clients of this process.
type driver struct {
	events  *eventLog
	clients map[int]*client
}

// serve reads commands until `stop` or the end of the input.
func (d *driver) serve(input io.Reader) error {
	lines := bufio.NewReaderSize(input, 64<<10)
	for {
		// A line may hold a whole content: of any length.
		line, err := lines.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) > 0 {
			var c command
			if err := json.Unmarshal(line, &c); err != nil {
				d.events.add(&event{Event: "log", Message: fmt.Sprintf("not a command: %v", err)})
			} else if c.Command == "stop" {
				return nil
			} else {
				d.take(&c)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read commands: %w", err)
		}
	}
}

// take never waits for a server: each client has a queue and a goroutine of its own.
func (d *driver) take(c *command) {
	if c.Command == "clock" {
		d.events.add(&event{Event: "clock"})
		return
	}
	known, isKnown := d.clients[c.Client]
	switch {
	case c.Command == "start" && isKnown:
		d.events.add(c.failed(fmt.Errorf("client %d is started already", c.Client)))
	case c.Command == "start":
		started := newClient(c.Client, d.events)
		d.clients[c.Client] = started
		started.commands <- c
	case !isKnown:
		d.events.add(c.failed(fmt.Errorf("client %d was never started", c.Client)))
	default:
		known.commands <- c
	}
}

// close ends the clients, all at once: one whose server is gone takes its time.
func (d *driver) close() {
	var group sync.WaitGroup
	for _, held := range d.clients {
		group.Add(1)
		go func() {
			defer group.Done()
			held.close()
		}()
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(closeWithin):
		log.Printf("not every client ended within %v", closeWithin)
	}
}
