package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/config_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"
)

const (
	// How many commands of one client may wait for its start.
	commandsWaiting = 4096
	// The SDK's log is a file of the cache folder, and this is its bound, twice.
	logMegabytes = 8
)

// client is one client of the SDK, with its commands in the order in which they came.
type client struct {
	number   int
	events   *eventLog
	commands chan *command

	// What the start brought; the mutex is for the end, which does not wait for a start.
	mutex     sync.Mutex
	sdk       config_client.IConfigClient
	cache     string
	namespace string
}

func newClient(number int, events *eventLog) *client {
	c := &client{number: number, events: events, commands: make(chan *command, commandsWaiting)}
	go c.serve()
	return c
}

func (c *client) serve() {
	for next := range c.commands {
		switch {
		case next.Command == "start":
			c.start(next)
		case c.sdk == nil:
			c.events.add(next.failed(errors.New("the client did not start")))
		case next.Key == nil:
			c.events.add(next.failed(errors.New("no key")))
		case next.Command == "listen":
			c.listen(next)
		case next.ID == nil:
			c.events.add(next.failed(errors.New("no id")))
		case next.Command == "get":
			go c.get(next)
		case next.Command == "publish":
			go c.publish(next)
		default:
			c.events.add(next.failed(fmt.Errorf("`%s` is not a command", next.Command)))
		}
	}
}

// start makes the client as a stock user would: every time-out, retry and limit is the SDK's own.
func (c *client) start(s *command) {
	servers, err := serverConfigs(s.Servers)
	if err != nil {
		c.events.add(s.failed(err))
		return
	}
	settings := constant.NewClientConfig(
		constant.WithNamespaceId(s.Namespace),
		constant.WithUsername(s.Username),
		constant.WithPassword(s.Password),
		constant.WithCacheDir(s.Cache),
		constant.WithLogDir(filepath.Join(s.Cache, "log")),
		constant.WithLogRollingConfig(&constant.ClientLogRollingConfig{MaxSize: logMegabytes, MaxBackups: 1}),
	)
	sdk, err := clients.NewConfigClient(vo.NacosClientParam{ClientConfig: settings, ServerConfigs: servers})
	if err != nil {
		c.events.add(s.failed(err))
		return
	}
	c.events.add(&event{Event: "started", Client: &c.number})
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.sdk, c.cache, c.namespace = sdk, s.Cache, s.Namespace
}

// serverConfigs takes addresses of HTTP; the SDK looks for gRPC at the port plus 1,000 by itself.
func serverConfigs(addresses []string) ([]constant.ServerConfig, error) {
	var servers []constant.ServerConfig
	for _, address := range addresses {
		host, text, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("server `%s` is not host:port: %w", address, err)
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("server `%s` has no port number: %w", address, err)
		}
		servers = append(servers, *constant.NewServerConfig(host, port))
	}
	return servers, nil
}

// listen registers one listener. The SDK calls it with what a server answered, and with nothing else: what lies in a
// snapshot counts as known, and a failover file is not looked at.
func (c *client) listen(l *command) {
	err := c.sdk.ListenConfig(vo.ConfigParam{
		DataId: l.Key.DataID,
		Group:  l.Key.Group,
		OnChange: func(_, _, _, content string) {
			if content == "" {
				c.events.add(&event{Event: "gone", Client: &c.number, Key: l.Key})
				return
			}
			c.events.add(&event{Event: "value", Client: &c.number, Key: l.Key, Held: (*held)(&content), Source: fromServer})
		},
	})
	if err != nil {
		c.events.add(l.failed(err))
		return
	}
	c.events.add(&event{Event: "listening", Client: &c.number, Key: l.Key})
}

func (c *client) get(g *command) {
	before := filesOf(c.cache, c.namespace, *g.Key).before()
	content, err := c.sdk.GetConfig(vo.ConfigParam{DataId: g.Key.DataID, Group: g.Key.Group})
	if err != nil {
		c.events.add(g.failed(err))
		return
	}
	c.events.add(&event{
		Event: "got", Client: &c.number, ID: g.ID, Held: (*held)(&content),
		finish: func(e *event) { e.Source = before.after(content) },
	})
}

func (c *client) publish(p *command) {
	done, err := c.sdk.PublishConfig(vo.ConfigParam{DataId: p.Key.DataID, Group: p.Key.Group, Content: p.Content})
	if err == nil && !done {
		err = errors.New("the server answered with false")
	}
	if err != nil {
		c.events.add(p.failed(err))
		return
	}
	c.events.add(&event{Event: "published", Client: &c.number, ID: p.ID})
}

func (c *client) close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.sdk != nil {
		c.sdk.CloseClient()
	}
}
