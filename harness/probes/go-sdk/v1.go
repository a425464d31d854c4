package main

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	configs = "/nacos/v1/cs/configs"
	// The wish of every real client; the server hangs half a second less.
	pollTimeout = 30 * time.Second
)

// v1 is a plain long-polling client, as Nacos 1.x clients are: one poll per config, the next as soon as one ends.
type v1 struct {
	context context.Context
	cancel  context.CancelFunc
	next    int
}

func connectV1() (config, error) {
	ctx, cancel := context.WithCancel(context.Background())
	return &v1{context: ctx, cancel: cancel}, nil
}

func (c *v1) publish(dataID, content string) error {
	return c.change("POST", url.Values{"dataId": {dataID}, "group": {group}, "content": {content}})
}

func (c *v1) remove(dataID string) error {
	return c.change("DELETE", url.Values{"dataId": {dataID}, "group": {group}})
}

func (c *v1) change(method string, form url.Values) error {
	target := "http://" + address(c.server()) + configs
	request, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if method == "DELETE" {
		request, err = http.NewRequest(method, target+"?"+form.Encode(), nil)
	}
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := c.exchange(request)
	if err == nil && strings.TrimSpace(string(body)) != "true" {
		err = fmt.Errorf("answered with `%s`", body)
	}
	return err
}

func (c *v1) get(dataID string) (string, error) {
	query := url.Values{"dataId": {dataID}, "group": {group}}
	request, err := http.NewRequest("GET", "http://"+address(c.server())+configs+"?"+query.Encode(), nil)
	if err != nil {
		return "", err
	}
	body, err := c.exchange(request)
	return string(body), err
}

// listen begins with what is there and tells of everything else, one after the other.
func (c *v1) listen(dataID string, to listener) error {
	held, err := c.get(dataID)
	if err != nil {
		return err
	}
	go func() {
		for c.context.Err() == nil {
			changed, err := c.poll(dataID, held)
			if err == nil && changed {
				var content string
				if content, err = c.get(dataID); err == nil && content != held {
					held = content
					to.seen <- held
				}
			}
			if err != nil {
				time.Sleep(time.Second)
			}
		}
	}()
	return nil
}

func (c *v1) poll(dataID, held string) (bool, error) {
	sum := ""
	if held != "" {
		sum = fmt.Sprintf("%x", md5.Sum([]byte(held)))
	}
	entry := dataID + "\x02" + group + "\x02" + sum + "\x01"
	form := url.Values{"Listening-Configs": {entry}}
	target := "http://" + address(c.server()) + configs + "/listener"
	request, err := http.NewRequestWithContext(c.context, "POST", target, strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Long-Pulling-Timeout", fmt.Sprint(pollTimeout.Milliseconds()))
	body, err := c.exchange(request)
	if err != nil {
		return false, err
	}
	answer, err := url.QueryUnescape(strings.TrimSpace(string(body)))
	if err == nil && answer != "" && !strings.HasPrefix(answer, dataID+"\x02"+group) {
		err = fmt.Errorf("a poll of `%s` was answered with `%q`", dataID, answer)
	}
	return answer != "", err
}

// exchange adds the token when a user is given: 1.x clients send it with every request.
func (c *v1) exchange(request *http.Request) ([]byte, error) {
	if *user != "" {
		token, err := login(*port)
		if err != nil {
			return nil, err
		}
		request.Header.Set("accessToken", token)
	}
	return exchange(request)
}

// server is the next node in turn: a client that goes round finds what each of them has.
func (c *v1) server() int {
	c.next++
	return ports()[c.next%len(ports())]
}

func (c *v1) close() { c.cancel() }
