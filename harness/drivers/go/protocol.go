package main

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"os"
	"sync"
)

// How many events may wait to be written. When there are more, callbacks wait: the harness has stopped reading.
const eventsWaiting = 4096

// key names an item of a client's namespace.
type key struct {
	DataID string `json:"data_id"`
	Group  string `json:"group"`
}

// command is a line of standard input.
type command struct {
	Command string `json:"command"`
	Client  int    `json:"client"`

	Servers   []string `json:"servers"`
	Namespace string   `json:"namespace"`
	Cache     string   `json:"cache"`
	Username  string   `json:"username"`
	Password  string   `json:"password"`

	Key     *key   `json:"key"`
	ID      *int64 `json:"id"`
	Content string `json:"content"`
}

// failed is the answer to a command that failed.
func (c *command) failed(err error) *event {
	return &event{Event: "failed", Client: &c.Client, Key: c.Key, ID: c.ID, Command: c.Command, Message: err.Error()}
}

// event is a line of standard output.
type event struct {
	Event string `json:"event"`
	At    int64  `json:"at"`

	Protocol   int    `json:"protocol,omitempty"`
	Driver     string `json:"driver,omitempty"`
	SDK        string `json:"sdk,omitempty"`
	SDKVersion string `json:"sdk_version,omitempty"`
	Runtime    string `json:"runtime,omitempty"`

	Client  *int   `json:"client,omitempty"`
	Key     *key   `json:"key,omitempty"`
	ID      *int64 `json:"id,omitempty"`
	Command string `json:"command,omitempty"`
	Message string `json:"message,omitempty"`

	// Held is what a value or an answer holds; it is written as content and md5.
	Held   *held  `json:"-"`
	Source source `json:"source,omitempty"`

	// finish fills in what need not be known when the event is stamped.
	finish func(*event)
}

// held is content as the SDK handed it over; in Go an item that does not exist is the empty text.
type held string

// MarshalJSON writes an event in one line.
func (e *event) MarshalJSON() ([]byte, error) {
	// Without a method of its own, or this would call itself.
	type plain event
	if e.Held == nil {
		return json.Marshal((*plain)(e))
	}
	line := struct {
		*plain
		Content *held   `json:"content"`
		MD5     *string `json:"md5"`
	}{plain: (*plain)(e)}
	if *e.Held != "" {
		sum := md5.Sum([]byte(*e.Held))
		text := hex.EncodeToString(sum[:])
		line.Content, line.MD5 = e.Held, &text
	}
	return json.Marshal(line)
}

// eventLog stamps events and writes them, in the order of their stamps, from a goroutine of its own: a callback is
// held up by a stamp and no more.
type eventLog struct {
	mutex   sync.Mutex
	waiting chan *event
	written chan struct{}
}

func newEventLog(to io.Writer) *eventLog {
	l := &eventLog{waiting: make(chan *event, eventsWaiting), written: make(chan struct{})}
	go l.write(to)
	return l
}

// add is called first thing in a callback.
func (l *eventLog) add(e *event) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	e.At = monotonicNanoseconds()
	l.waiting <- e
}

// flush writes what waits; no event may be added afterwards.
func (l *eventLog) flush() {
	l.mutex.Lock()
	close(l.waiting)
	<-l.written
}

func (l *eventLog) write(to io.Writer) {
	defer close(l.written)
	lines := bufio.NewWriterSize(to, 64<<10)
	encoder := json.NewEncoder(lines)
	for e := range l.waiting {
		if e.finish != nil {
			e.finish(e)
		}
		err := encoder.Encode(e)
		if err == nil && len(l.waiting) == 0 {
			err = lines.Flush()
		}
		if err != nil {
			// Nobody reads any more.
			log.Printf("cannot write an event: %v", err)
			os.Exit(1)
		}
	}
	if err := lines.Flush(); err != nil {
		log.Printf("cannot write the last events: %v", err)
	}
}
