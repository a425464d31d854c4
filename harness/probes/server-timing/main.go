// Server-timing tells when a Nacos server does what it does by itself: pushes, pushes again, ends long polls, asks idle
// connections whether they live. By the Go SDK's stubs, so that nothing of ours is on the client's side. Run it on the
// embedded server and on a real one, and set the two side by side:
//
//	go run . --port 8848 --name "embedded 2.5.0" > a.json
//	go run . --table a.json b.json
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

var (
	port  = flag.Int("port", 8848, "the server's HTTP port; gRPC is 1000 above")
	name  = flag.String("name", "", "what is measured")
	count = flag.Int("count", 60, "samples of each delay")
	table = flag.Bool("table", false, "print files of results as a Markdown table")
)

// A row of results: what, and how it is told.
type row struct{ What, Value string }

type results struct {
	Name, Date string
	Rows       []row
}

func main() {
	flag.Parse()
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "server-timing:", err)
		os.Exit(1)
	}
}

func work() error {
	if *table {
		return printTable(flag.Args())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out := results{Name: *name, Date: time.Now().UTC().Format("2006-01-02 15:04 UTC")}
	for _, one := range []struct {
		what    string
		measure func(context.Context, int) ([]time.Duration, error)
	}{
		{"publish ack → push (ms: p10, p50, p90, max)", pushDelays},
		{"publish ack → long poll answers (ms: p10, p50, p90, max)", pollDelays},
		{"publish ack → a read returns it (ms: p10, p50, p90, max)", readDelays},
	} {
		delays, err := one.measure(ctx, *count)
		if err != nil {
			return fmt.Errorf("%s: %w", one.what, err)
		}
		out.Rows = append(out.Rows, row{one.what, quantiles(delays)})
	}
	counts, err := bursts(ctx, 12)
	if err != nil {
		return err
	}
	total := 0
	for _, one := range counts {
		total += one
	}
	out.Rows = append(out.Rows, row{"pushes that tell of five publishes at once (mean of 12)", fmt.Sprintf("%.2f", float64(total)/float64(len(counts)))})
	rows, err := longOnes(ctx)
	if err != nil {
		return err
	}
	out.Rows = append(out.Rows, rows...)
	return json.NewEncoder(os.Stdout).Encode(out)
}

// longOnes: what takes long, all at the same time.
func longOnes(ctx context.Context) ([]row, error) {
	var withheld, refused, hangs []time.Duration
	var silent silences
	var missed int
	tasks := []func() error{
		func() (err error) { withheld, err = retries(ctx, false, 36*time.Second); return },
		func() (err error) { refused, err = retries(ctx, true, 36*time.Second); return },
		func() (err error) { silent, err = idles(ctx, 16); return },
		func() (err error) { missed, err = races(ctx, 100); return },
	}
	hangs = make([]time.Duration, 3)
	for i, timeout := range []time.Duration{30 * time.Second, 12 * time.Second, time.Second} {
		tasks = append(tasks, func() (err error) { hangs[i], err = hang(timeout); return })
	}
	failures := make([]error, len(tasks))
	var all sync.WaitGroup
	for i, task := range tasks {
		all.Add(1)
		go func() { defer all.Done(); failures[i] = task() }()
	}
	all.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return []row{
		{"a push without an ack comes again after (s)", instants(withheld)},
		{"a push with an error as ack comes again after (s)", instants(refused)},
		{"long poll of 30 s, 12 s, 1 s is held (s)", instants(hangs)},
		{"long polls of 100 within 100 ms after a publish's ack that miss it", fmt.Sprint(missed)},
		{"a silent connection is asked after (s: least, most of 16)", extremes(silent.first)},
		{"and again after its answer (s: least, most)", extremes(silent.second)},
		{"and without an answer closed after (s: least, most)", extremes(silent.closed)},
		{"closed at once although it answered (of 16)", fmt.Sprint(silent.dropped)},
	}, nil
}

func quantiles(all []time.Duration) string {
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) string {
		return fmt.Sprintf("%.1f", float64(all[int(share*float64(len(all)-1))].Microseconds())/1000)
	}
	return fmt.Sprintf("%s, %s, %s, %s (n %d)", at(0.1), at(0.5), at(0.9), at(1), len(all))
}

func instants(all []time.Duration) string {
	var texts []string
	for _, one := range all {
		texts = append(texts, fmt.Sprintf("%.2f", one.Seconds()))
	}
	return strings.Join(texts, ", ")
}

func extremes(all []time.Duration) string {
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return instants([]time.Duration{all[0], all[len(all)-1]})
}

func printTable(files []string) error {
	var all []results
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var one results
		if err := json.Unmarshal(text, &one); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, one)
	}
	header, line := "| |", "|---|"
	for _, one := range all {
		header += fmt.Sprintf(" %s, %s |", one.Name, one.Date)
		line += "---|"
	}
	fmt.Println(header)
	fmt.Println(line)
	for i, first := range all[0].Rows {
		text := "| " + first.What + " |"
		for _, one := range all {
			text += " " + one.Rows[i].Value + " |"
		}
		fmt.Println(text)
	}
	return nil
}
