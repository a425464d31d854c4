package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand"
	"sync"
	"time"
)

func md5Of(content string) string {
	sum := md5.Sum([]byte(content))
	return hex.EncodeToString(sum[:])
}

// changing publishes version after version of one key at instants that do not lock onto the server's tick.
type changing struct {
	key     string
	version int
	draws   *rand.Rand
}

func newChanging(key string, seed int64) *changing {
	return &changing{key: fmt.Sprintf("%s.%d", key, time.Now().UnixNano()), draws: rand.New(rand.NewSource(seed))}
}

func (c *changing) content() string { return fmt.Sprintf("version %d", c.version) }

func (c *changing) next(ctx context.Context, by *client) (time.Time, error) {
	time.Sleep(150*time.Millisecond + time.Duration(c.draws.Intn(100_000))*time.Microsecond)
	c.version++
	return by.publish(ctx, c.key, c.content())
}

// changingOver is a connection of its own and a key to change over it; the caller closes the connection.
func changingOver(ctx context.Context, key string, seed int64) (*client, *changing, error) {
	c, err := connect(ctx, *port)
	return c, newChanging(key, seed), err
}

// listeningOver is the same, with a first version published, dumped and listened to.
func listeningOver(ctx context.Context, key string, seed int64) (*client, *changing, error) {
	c, item, err := changingOver(ctx, key, seed)
	if err != nil {
		return nil, nil, err
	}
	_, err = item.next(ctx, c)
	if err == nil {
		time.Sleep(500 * time.Millisecond)
		err = c.listen(ctx, item.key, md5Of(item.content()))
	}
	if err != nil {
		c.channel.Close()
		return nil, nil, err
	}
	return c, item, nil
}

// awaitPush waits for a change of a key, and answers everything else that comes.
func awaitPush(c *client, key string, within time.Duration) (push, error) {
	deadline := time.After(within)
	for {
		select {
		case got, open := <-c.pushed:
			if !open {
				return push{}, fmt.Errorf("the connection ended")
			}
			if got.kind == "ConfigChangeNotifyRequest" && got.key == key {
				return got, nil
			}
			if err := c.answer(got, true); err != nil {
				return push{}, err
			}
		case <-deadline:
			return push{}, fmt.Errorf("no push of %s within %v", key, within)
		}
	}
}

// pushDelays: from a publish's ack until the push that tells of it.
func pushDelays(ctx context.Context, n int) ([]time.Duration, error) {
	c, item, err := changingOver(ctx, "push", 1)
	if err != nil {
		return nil, err
	}
	defer c.channel.Close()
	var delays []time.Duration
	for i := -1; i < n; i++ { // The first one creates the item.
		acked, err := item.next(ctx, c)
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			got, err := awaitPush(c, item.key, 10*time.Second)
			if err != nil {
				return nil, err
			}
			delays = append(delays, got.at.Sub(acked))
			if err := c.answer(got, true); err != nil {
				return nil, err
			}
		} else {
			time.Sleep(500 * time.Millisecond)
		}
		if err := c.listen(ctx, item.key, md5Of(item.content())); err != nil {
			return nil, err
		}
	}
	return delays, nil
}

// pollDelays: from a publish's ack until a long poll, held for 300 ms already, ends with the change.
func pollDelays(ctx context.Context, n int) ([]time.Duration, error) {
	c, item, err := changingOver(ctx, "poll", 2)
	if err != nil {
		return nil, err
	}
	defer c.channel.Close()
	if _, err := item.next(ctx, c); err != nil {
		return nil, err
	}
	var delays []time.Duration
	for i := 0; i < n; i++ {
		time.Sleep(300 * time.Millisecond) // The dump of what was published before.
		type end struct {
			at      time.Time
			changed bool
			err     error
		}
		ended := make(chan end, 1)
		go func(md5 string) {
			at, changed, err := poll(*port, item.key, md5, 30*time.Second)
			ended <- end{at, changed, err}
		}(md5Of(item.content()))
		time.Sleep(300 * time.Millisecond)
		acked, err := item.next(ctx, c)
		if err != nil {
			return nil, err
		}
		got := <-ended
		if got.err != nil || !got.changed {
			return nil, fmt.Errorf("a long poll ended without the change: %v", got.err)
		}
		delays = append(delays, got.at.Sub(acked))
	}
	return delays, nil
}

// readDelays: from a publish's ack until a read returns what was published.
func readDelays(ctx context.Context, n int) ([]time.Duration, error) {
	c, item, err := changingOver(ctx, "read", 3)
	if err != nil {
		return nil, err
	}
	defer c.channel.Close()
	var delays []time.Duration
	for i := 0; i < n; i++ {
		acked, err := item.next(ctx, c)
		if err != nil {
			return nil, err
		}
		for {
			got, err := c.ask(ctx, "ConfigQueryRequest", object{"dataId": item.key, "group": group, "tenant": ""})
			if err == nil && got["content"] == item.content() {
				delays = append(delays, time.Since(acked))
				break
			}
			if time.Since(acked) > 10*time.Second {
				return nil, fmt.Errorf("what was published cannot be read: %v", err)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return delays, nil
}

// retries: when the same push comes again, from its first coming; each is left without an answer, or answered with an error.
func retries(ctx context.Context, refused bool, within time.Duration) ([]time.Duration, error) {
	c, item, err := listeningOver(ctx, fmt.Sprintf("retry-%v", refused), 4)
	if err != nil {
		return nil, err
	}
	defer c.channel.Close()
	go c.healthy(ctx)
	if _, err := item.next(ctx, c); err != nil {
		return nil, err
	}
	first, err := awaitPush(c, item.key, 10*time.Second)
	got := first
	var again []time.Duration
	for err == nil {
		if refused {
			if err := c.answer(got, false); err != nil {
				return nil, err
			}
		}
		if got, err = awaitPush(c, item.key, within-time.Since(first.at)); err == nil {
			again = append(again, got.at.Sub(first.at))
		}
	}
	if first.at.IsZero() {
		return nil, err
	}
	return again, nil
}

// bursts: how many pushes tell of five publishes within a few milliseconds.
func bursts(ctx context.Context, n int) ([]int, error) {
	c, item, err := listeningOver(ctx, "burst", 5)
	if err != nil {
		return nil, err
	}
	defer c.channel.Close()
	var counts []int
	for i := 0; i < n; i++ {
		time.Sleep(time.Duration(item.draws.Intn(100_000)) * time.Microsecond)
		for j := 0; j < 5; j++ {
			item.version++
			if _, err := c.publish(ctx, item.key, item.content()); err != nil {
				return nil, err
			}
		}
		count := 0
		for {
			got, err := awaitPush(c, item.key, 500*time.Millisecond)
			if err != nil {
				break
			}
			count++
			if err := c.answer(got, true); err != nil {
				return nil, err
			}
		}
		counts = append(counts, count)
	}
	return counts, nil
}

// silences is what became of connections that say nothing but answer the first time they are asked.
type silences struct {
	first, second, closed []time.Duration
	// How many were closed at once although they had answered.
	dropped int
}

// idles: when each is asked whether it lives, when again after its answer, and when it is closed after no answer.
func idles(ctx context.Context, n int) (silences, error) {
	var all sync.WaitGroup
	var guard sync.Mutex
	var out silences
	var err error
	for i := 0; i < n; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			time.Sleep(time.Duration(i) * 700 * time.Millisecond)
			gaps, failed := idle(ctx)
			guard.Lock()
			defer guard.Unlock()
			switch {
			case failed != nil:
				err = failed
			case len(gaps) == 1:
				out.first = append(out.first, gaps[0])
				out.dropped++
			default:
				out.first, out.second, out.closed = append(out.first, gaps[0]), append(out.second, gaps[1]), append(out.closed, gaps[2])
			}
		}()
	}
	all.Wait()
	return out, err
}

// idle answers the times until the first question, the second, and the end; only the first if the end came at once.
func idle(ctx context.Context) ([]time.Duration, error) {
	c, err := connect(ctx, *port)
	if err != nil {
		return nil, err
	}
	defer c.channel.Close()
	since := time.Now()
	var gaps []time.Duration
	for len(gaps) < 2 {
		got, open := <-c.pushed
		if !open && len(gaps) == 1 {
			return gaps, nil
		}
		if !open || got.kind != "ClientDetectionRequest" {
			return nil, fmt.Errorf("an idle connection got `%s`", got.kind)
		}
		gaps = append(gaps, got.at.Sub(since))
		since = got.at
		if len(gaps) == 1 {
			if err := c.answer(got, true); err != nil {
				return nil, err
			}
		}
	}
	for range c.pushed {
	}
	return append(gaps, time.Since(since)), nil
}

// hang: how long a long poll without a change is held.
func hang(timeout time.Duration) (time.Duration, error) {
	began := time.Now()
	ended, changed, err := poll(*port, fmt.Sprintf("nothing.%d", began.UnixNano()), "", timeout)
	if err == nil && changed {
		err = fmt.Errorf("a long poll on nothing named a change")
	}
	return ended.Sub(began), err
}

// races: long polls that begin within 100 ms before a publish's dump may or may not see it: how many wait for their end.
func races(ctx context.Context, n int) (missed int, err error) {
	c, err := connect(ctx, *port)
	if err != nil {
		return 0, err
	}
	defer c.channel.Close()
	var all sync.WaitGroup
	var guard sync.Mutex
	for i := 0; i < n; i++ {
		item := newChanging(fmt.Sprintf("race-%d", i), int64(i))
		if _, err := item.next(ctx, c); err != nil {
			return 0, err
		}
		all.Add(1)
		go func() {
			defer all.Done()
			time.Sleep(300 * time.Millisecond)
			before := md5Of(item.content())
			if _, failed := item.next(ctx, c); failed != nil {
				guard.Lock()
				err = failed
				guard.Unlock()
				return
			}
			time.Sleep(time.Duration(item.draws.Intn(100_000)) * time.Microsecond)
			began := time.Now()
			ended, _, failed := poll(*port, item.key, before, time.Second)
			guard.Lock()
			defer guard.Unlock()
			if failed != nil {
				err = failed
			} else if ended.Sub(began) > 5*time.Second {
				missed++
			}
		}()
	}
	all.Wait()
	return missed, err
}
