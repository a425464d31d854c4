package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/config_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"
)

// sdk is the official Go SDK.
type sdk struct {
	client config_client.IConfigClient
	folder string
}

func connectSDK() (config, error) {
	folder, err := os.MkdirTemp("", "go-sdk-probe")
	if err != nil {
		return nil, err
	}
	var servers []constant.ServerConfig
	for _, port := range ports() {
		servers = append(servers, *constant.NewServerConfig("127.0.0.1", uint64(port)))
	}
	properties := constant.NewClientConfig(
		constant.WithTimeoutMs(5000),
		constant.WithCacheDir(filepath.Join(folder, "cache")),
		constant.WithLogDir(filepath.Join(folder, "log")),
		constant.WithLogLevel("error"),
		constant.WithNotLoadCacheAtStart(true),
		constant.WithUsername(*user),
		constant.WithPassword(*password),
	)
	client, err := clients.NewConfigClient(vo.NacosClientParam{ClientConfig: properties, ServerConfigs: servers})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &sdk{client, folder}, nil
}

func (s *sdk) publish(dataID, content string) error {
	done, err := s.client.PublishConfig(vo.ConfigParam{DataId: dataID, Group: group, Content: content})
	if err == nil && !done {
		err = fmt.Errorf("publishing `%s` was answered with false", content)
	}
	return err
}

func (s *sdk) get(dataID string) (string, error) {
	content, err := s.client.GetConfig(vo.ConfigParam{DataId: dataID, Group: group})
	if err != nil && strings.Contains(err.Error(), "config data not exist") {
		return "", nil
	}
	return content, err
}

func (s *sdk) remove(dataID string) error {
	done, err := s.client.DeleteConfig(vo.ConfigParam{DataId: dataID, Group: group})
	if err == nil && !done {
		err = fmt.Errorf("deleting was answered with false")
	}
	return err
}

func (s *sdk) listen(dataID string, to listener) error {
	return s.client.ListenConfig(vo.ConfigParam{DataId: dataID, Group: group, OnChange: func(_, _, _, content string) {
		to.seen <- content
	}})
}

func (s *sdk) close() {
	s.client.CloseClient()
	os.RemoveAll(s.folder)
}

// reset asks the SDK's connections to go to the first node. Without an address this SDK stays where it is as long as
// the server is healthy, and of an address it looks at the host alone and takes the first node that has it (v2.3.2,
// common/remote/rpc: server_request_handler.go and the loop of rpc_client.go): on one machine, the first of all.
func (s *sdk) reset(do *runner, kept listener) {
	var before connections
	do.step("find the SDK's connections", func() (err error) {
		before, err = current()
		if err == nil && len(before) == 0 {
			err = fmt.Errorf("the server knows no connection of the SDK")
		}
		return err
	})
	do.step("ask them to connect anew", func() error {
		for id, at := range before {
			query := url.Values{"connectionId": {id}, "redirectAddress": {address(*port)}}
			if err := reloadClient(at, query); err != nil {
				return err
			}
		}
		return nil
	})
	do.step("find them on others", func() error {
		return until(backWithin, func() error {
			now, err := current()
			if err != nil {
				return err
			}
			return before.movedTo(now)
		})
	})
	do.step("publish after the move", func() error { return s.publish("listened", "five") })
	do.step("see it after the move", func() error { return kept.sees("five", seenWithin) })
	do.step("ask a node to keep one connection of as many as there are", func() error {
		_, err := loader(*port, "reloadCurrent", url.Values{"count": {"1"}})
		return err
	})
	do.step("publish to the end", func() error {
		return until(backWithin, func() error { return s.publish("listened", "six") })
	})
	do.step("see it to the end", func() error { return kept.sees("six", seenWithin) })
}

// connections are those of the SDK, by id, each with the port of its node.
type connections map[string]int

func (c connections) movedTo(now connections) error {
	for id := range c {
		if _, isThere := now[id]; isThere {
			return fmt.Errorf("connection %s is still there", id)
		}
	}
	if len(now) < len(c) {
		return fmt.Errorf("there were %d connections, and now there are %d", len(c), len(now))
	}
	for id, at := range now {
		if at != *port {
			return fmt.Errorf("connection %s is on node %d", id, at)
		}
	}
	return nil
}

func current() (connections, error) {
	found := connections{}
	for _, port := range ports() {
		body, err := loader(port, "current", url.Values{})
		if err != nil {
			return nil, err
		}
		var known map[string]json.RawMessage
		if *mode == 3 {
			var answer struct {
				Data map[string]json.RawMessage
			}
			err = json.Unmarshal(body, &answer)
			known = answer.Data
		} else {
			err = json.Unmarshal(body, &known)
		}
		if err != nil {
			return nil, fmt.Errorf("loader/current: %w in `%s`", err, body)
		}
		for id, connection := range known {
			// Of a real cluster's connections some are other nodes'.
			if strings.Contains(string(connection), `"sdk"`) {
				found[id] = port
			}
		}
	}
	return found, nil
}

func reloadClient(at int, query url.Values) error {
	_, err := loader(at, "reloadClient", query)
	return err
}

func loader(port int, what string, query url.Values) ([]byte, error) {
	if *mode == 3 {
		method := "POST"
		if what == "current" {
			method = "GET"
		}
		return call(method, port, "/nacos/v3/admin/core/loader/"+what, query)
	}
	return call("GET", port, "/nacos/v2/core/loader/"+what, query)
}
