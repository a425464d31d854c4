// Many clients of the official Go SDK in one process, each with a listener on one item: what one takes in memory, and how
// long after a publish was begun the listeners are told. For ci/alternatives.
//
//	many -port PORT -watchers N -rounds N
//
// The SDK is as it comes: it lets 5 equal queries of a process through in a second. Prints one line of JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/config_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"
)

const (
	group  = "SHAKEDOWN"
	dataID = "many-go-sdk"
	// The growth from so many clients on is what one takes.
	base    = 100
	warmUp  = 5
	period  = 1030 * time.Millisecond
	settles = 8 * time.Second
	// How long the last client may take to connect.
	patience = 2 * time.Minute
)

var (
	port     = flag.Int("port", 8848, "the HTTP port of the server; gRPC is 1000 above")
	watchers = flag.Int("watchers", 1000, "how many clients")
	rounds   = flag.Int("rounds", 40, "how many publishes, one every 1.03 s")
)

// seen is when each round was published, and what the listeners saw of them.
type seen struct {
	sync.Mutex
	due  []time.Time
	held []float64
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	folder, err := os.MkdirTemp("", "many-go-sdk")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	all := &seen{}
	all.publish(0)
	var kept []config_client.IConfigClient
	var before int
	for nth := range *watchers {
		kept = append(kept, connect(filepath.Join(folder, strconv.Itoa(nth)), all))
		if nth+1 == base {
			awaitConnected(base)
			before = residentBytes()
		}
	}
	awaitConnected(*watchers)
	each := (residentBytes() - before) / max(*watchers-base, 1)
	for round := 1; round <= *rounds; round++ {
		next := time.Now().Add(period)
		all.publish(round)
		time.Sleep(time.Until(next))
	}
	time.Sleep(settles)
	all.print(each)
	runtime.KeepAlive(kept)
}

func connect(folder string, all *seen) config_client.IConfigClient {
	properties := constant.NewClientConfig(
		constant.WithTimeoutMs(5000),
		constant.WithCacheDir(filepath.Join(folder, "cache")),
		constant.WithLogDir(filepath.Join(folder, "log")),
		constant.WithLogLevel("error"),
		constant.WithNotLoadCacheAtStart(true),
	)
	servers := []constant.ServerConfig{*constant.NewServerConfig("127.0.0.1", uint64(*port))}
	client, err := clients.NewConfigClient(vo.NacosClientParam{ClientConfig: properties, ServerConfigs: servers})
	if err != nil {
		log.Fatalf("many: connect: %v", err)
	}
	param := vo.ConfigParam{DataId: dataID, Group: group, OnChange: func(_, _, _, content string) { all.note(content) }}
	if err := client.ListenConfig(param); err != nil {
		log.Fatalf("many: listen: %v", err)
	}
	return client
}

func (s *seen) publish(round int) {
	content := fmt.Sprintf("%d %s", round, strings.Repeat("x", 250))
	s.Lock()
	s.due = append(s.due, time.Now())
	s.Unlock()
	form := url.Values{"dataId": {dataID}, "group": {group}, "content": {content}}
	answer, err := http.PostForm(fmt.Sprintf("http://127.0.0.1:%d/nacos/v1/cs/configs", *port), form)
	if err != nil {
		log.Fatalf("many: publish: %v", err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); string(body) != "true" {
		log.Fatalf("many: publish: %s %s", answer.Status, body)
	}
}

func (s *seen) note(content string) {
	now := time.Now()
	round, err := strconv.Atoi(strings.SplitN(content, " ", 2)[0])
	if err != nil || round <= warmUp {
		return
	}
	s.Lock()
	defer s.Unlock()
	s.held = append(s.held, now.Sub(s.due[round]).Seconds()*1e3)
}

// awaitConnected returns when so many connections to the gRPC port are established, and have settled.
func awaitConnected(wanted int) {
	deadline := time.Now().Add(patience)
	for connected() < wanted {
		if time.Now().After(deadline) {
			log.Fatalf("many: %d of %d clients are connected after %s", connected(), wanted, patience)
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(settles)
}

// connected is how many established connections go to the gRPC port, by /proc/self/net/tcp and tcp6.
func connected() int {
	count := 0
	to := fmt.Sprintf(":%04X", *port+1000)
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(text), "\n") {
			words := strings.Fields(line)
			if len(words) > 3 && strings.HasSuffix(words[2], to) && words[3] == "01" {
				count++
			}
		}
	}
	return count
}

// residentBytes is of this process, by /proc/self/statm in pages of 4 KiB.
func residentBytes() int {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		log.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	return pages * 4096
}

func (s *seen) print(each int) {
	s.Lock()
	defer s.Unlock()
	sort.Float64s(s.held)
	row := map[string]any{"watchers": *watchers, "bytes_each": each, "due": (*rounds - warmUp) * *watchers, "held": len(s.held)}
	if len(s.held) > 0 {
		at := func(q float64) float64 { return s.held[int(q*float64(len(s.held)-1))] }
		row["p50_ms"], row["p99_ms"], row["max_ms"] = at(.5), at(.99), at(1)
	}
	line, _ := json.Marshal(row)
	fmt.Println(string(line))
}
