// Proves a Nacos config server from outside, with the official Go SDK over gRPC or with a plain v1 long-polling client:
// publish, get, listen, delete, a listener that comes back after the server was killed and started again on the same
// port and data, and, with the SDK, one that was asked to connect elsewhere.
//
//	go-sdk --port PORT [--second PORT] [--mode 2|3] [--client sdk|v1] [--user NAME --password WORD] -- COMMAND ARGUMENT...
//
// COMMAND starts the server with HTTP on 127.0.0.1:PORT and gRPC 1000 above, and a second node likewise when one is
// named. Exit code 0 when everything holds; otherwise 1, with the step that failed and why.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const (
	group = "probe"
	// A publish is readable after the server's 100 ms tick; this is generous.
	visibleWithin = 10 * time.Second
	// A pushed change, over both nodes.
	seenWithin = 20 * time.Second
	// A lost server is noticed by a health probe every 5 s, and then tried with growing pauses up to 5 s.
	backWithin = 60 * time.Second
)

var (
	port     = flag.Int("port", 0, "the HTTP port of the server; gRPC is 1000 above")
	second   = flag.Int("second", 0, "the HTTP port of the second node, if there is one")
	mode     = flag.Int("mode", 2, "the server's generation, 2 or 3")
	client   = flag.String("client", "sdk", "sdk (gRPC), or v1 (HTTP long polls)")
	user     = flag.String("user", "", "the user to log in with; none without")
	password = flag.String("password", "", "that user's password")
)

// listener hands on what a listened config became; the empty text is "deleted".
type listener struct {
	seen chan string
}

// config is what both clients can do.
type config interface {
	publish(dataID, content string) error
	// get answers the empty text for a config that is not there.
	get(dataID string) (string, error)
	remove(dataID string) error
	listen(dataID string, to listener) error
	close()
}

func main() {
	flag.Parse()
	if err := run(flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "go-sdk (%s): %v\n", *client, err)
		os.Exit(1)
	}
	fmt.Printf("go-sdk (%s): every step holds\n", *client)
}

func run(command []string) error {
	if *port < 1 || *port > 64535 || len(command) == 0 || (*mode != 2 && *mode != 3) {
		return fmt.Errorf("usage: go-sdk --port PORT [--second PORT] [--mode 2|3] [--client sdk|v1] -- COMMAND ARGUMENT")
	}
	server, err := start(command)
	if err != nil {
		return err
	}
	defer func() { server.kill() }()
	var config config
	switch *client {
	case "sdk":
		config, err = connectSDK()
	case "v1":
		config, err = connectV1()
	default:
		err = fmt.Errorf("--client is `sdk` or `v1`")
	}
	if err != nil {
		return err
	}
	defer config.close()
	return steps(config, &server, command)
}

func steps(config config, server **server, command []string) error {
	kept := listener{make(chan string, 100)}
	do := runner{}
	do.step("publish", func() error { return config.publish("listened", "one") })
	do.step("get what was published", func() error { return holds(config, "listened", "one", visibleWithin) })
	do.step("add a listener", func() error { return config.listen("listened", kept) })
	do.step("publish a change", func() error { return config.publish("listened", "two") })
	do.step("see the change", func() error { return kept.sees("two", seenWithin) })
	do.step("publish what is deleted", func() error { return config.publish("listened", "gone soon") })
	do.step("see it", func() error { return kept.sees("gone soon", seenWithin) })
	do.step("delete", func() error { return config.remove("listened") })
	do.step("see that it is gone", func() error { return kept.sees("", seenWithin) })
	do.step("get nothing", func() error { return holds(config, "listened", "", visibleWithin) })
	do.step("publish it again", func() error { return config.publish("listened", "three") })
	do.step("see it again", func() error { return kept.sees("three", seenWithin) })

	do.step("publish what shall outlive the server", func() error { return config.publish("kept", "kept") })
	do.step("kill the server and start it again", func() error {
		(*server).kill()
		started, err := start(command)
		if err == nil {
			*server = started
		}
		return err
	})
	do.step("publish after the restart", func() error {
		return until(backWithin, func() error { return config.publish("listened", "four") })
	})
	do.step("see it after the restart", func() error { return kept.sees("four", backWithin) })
	do.step("get what was stored before", func() error { return holds(config, "kept", "kept", visibleWithin) })

	if resets, ok := config.(interface {
		reset(do *runner, kept listener)
	}); ok {
		resets.reset(&do, kept)
	}
	return do.failure
}

// runner runs steps until one fails.
type runner struct {
	failure error
}

func (r *runner) step(name string, work func() error) {
	if r.failure != nil {
		return
	}
	began := time.Now()
	if err := work(); err != nil {
		r.failure = fmt.Errorf("step `%s`: %w", name, err)
		return
	}
	fmt.Printf("ok %s (%.2f s)\n", name, time.Since(began).Seconds())
}

// sees waits until the listener is told of content, whatever it is told before.
func (l listener) sees(content string, within time.Duration) error {
	var others []string
	deadline := time.After(within)
	for {
		select {
		case next := <-l.seen:
			if next == content {
				return nil
			}
			others = append(others, next)
		case <-deadline:
			return fmt.Errorf("the listener did not see `%s` within %v; it saw %q", content, within, others)
		}
	}
}

func holds(config config, dataID, content string, within time.Duration) error {
	return until(within, func() error {
		got, err := config.get(dataID)
		if err == nil && got != content {
			err = fmt.Errorf("it holds `%s`, not `%s`", got, content)
		}
		return err
	})
}

// until tries until it holds; the last failure tells why it did not.
func until(within time.Duration, attempt func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %w", within, err)
		}
		// The SDK lets five equal requests through in a second.
		time.Sleep(300 * time.Millisecond)
	}
}
