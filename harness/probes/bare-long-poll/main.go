// A bare client as a yardstick: N long polls on one item, each on a TCP connection of its own, with nothing of the
// harness in it. It prints how long after a publish was due the polls were answered, and how long until the new
// content was fetched and held. What the harness shows beyond this on the same machine in the same session is the
// harness' own.
//
//	go run . -server 127.0.0.1:8848 -watchers 1000 -rounds 40
package main

import (
	"bufio"
	"crypto/md5"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	server   = flag.String("server", "127.0.0.1:8848", "the HTTP port of a Nacos server")
	watchers = flag.Int("watchers", 1000, "how many long polls")
	rounds   = flag.Int("rounds", 40, "how many publishes, one every 1.03 s")
	warmUp   = flag.Int("warm-up", 10, "how many of them are in no figure")
)

const item = "dataId=bare-long-poll&group=SHAKEDOWN"

// times collects what the watchers saw, by round.
type times struct {
	sync.Mutex
	due            []time.Time
	answered, held []float64
	slowest        []float64
}

func main() {
	flag.Parse()
	seen := &times{due: make([]time.Time, *rounds+1), slowest: make([]float64, *rounds+1)}
	publish(0)
	time.Sleep(500 * time.Millisecond)
	for range *watchers {
		go watch(seen)
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(3 * time.Second)
	for round := 1; round <= *rounds; round++ {
		seen.Lock()
		seen.due[round] = time.Now()
		seen.Unlock()
		publish(round)
		time.Sleep(1030 * time.Millisecond)
	}
	time.Sleep(2 * time.Second)
	seen.print()
}

func publish(round int) {
	content := fmt.Sprintf("%d %s", round, strings.Repeat("x", 230))
	form := url.Values{"dataId": {"bare-long-poll"}, "group": {"SHAKEDOWN"}, "content": {content}}
	answer, err := http.PostForm("http://"+*server+"/nacos/v1/cs/configs", form)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); string(body) != "true" {
		log.Fatalf("publish: %s %s", answer.Status, body)
	}
}

// connection is one TCP connection, made anew when the server ends it.
type connection struct {
	socket net.Conn
	reader *bufio.Reader
}

func (c *connection) exchange(request string) string {
	for {
		if c.socket == nil {
			socket, err := net.Dial("tcp", *server)
			if err != nil {
				log.Fatal(err)
			}
			c.socket, c.reader = socket, bufio.NewReader(socket)
		}
		body, isLast, err := c.once(request)
		if isLast || err != nil {
			c.socket.Close()
			c.socket = nil
		}
		if err == nil {
			return body
		}
	}
}

func (c *connection) once(request string) (string, bool, error) {
	if _, err := io.WriteString(c.socket, request); err != nil {
		return "", true, err
	}
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return "", true, err
	}
	body, err := io.ReadAll(answer.Body)
	return string(body), answer.Close, err
}

func watch(seen *times) {
	var c connection
	get := "GET /nacos/v1/cs/configs?" + item + " HTTP/1.1\r\nHost: nacos\r\n\r\n"
	content := c.exchange(get)
	for {
		entry := fmt.Sprintf("bare-long-poll\x02SHAKEDOWN\x02%x\x01", md5.Sum([]byte(content)))
		body := "Listening-Configs=" + url.QueryEscape(entry)
		poll := fmt.Sprintf("POST /nacos/v1/cs/configs/listener HTTP/1.1\r\nHost: nacos\r\nLong-Pulling-Timeout: 30000\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if strings.TrimSpace(c.exchange(poll)) == "" {
			continue
		}
		answered := time.Now()
		content = c.exchange(get)
		seen.note(content, answered, time.Now())
	}
}

func (t *times) note(content string, answered, held time.Time) {
	round, err := strconv.Atoi(strings.SplitN(content, " ", 2)[0])
	if err != nil || round == 0 {
		return
	}
	t.Lock()
	defer t.Unlock()
	milliseconds := func(at time.Time) float64 { return at.Sub(t.due[round]).Seconds() * 1e3 }
	t.slowest[round] = max(t.slowest[round], milliseconds(held))
	if round > *warmUp {
		t.answered = append(t.answered, milliseconds(answered))
		t.held = append(t.held, milliseconds(held))
	}
}

func (t *times) print() {
	t.Lock()
	defer t.Unlock()
	fmt.Printf("%d watchers, %d rounds; ms after the publish was due\n", *watchers, *rounds-*warmUp)
	row := func(name string, values []float64) {
		sort.Float64s(values)
		at := func(q float64) float64 { return values[int(q*float64(len(values)-1))] }
		fmt.Printf("%-14s p50 %4.0f  p90 %4.0f  p99 %4.0f  max %4.0f  n %d\n",
			name, at(.5), at(.9), at(.99), at(1), len(values))
	}
	row("poll answered", t.answered)
	row("content held", t.held)
	row("last watcher", t.slowest[*warmUp+1:])
}
