package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	anypb "github.com/golang/protobuf/ptypes/any"
	nacos "github.com/nacos-group/nacos-sdk-go/v2/api/grpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const group = "probe"

// client is one Nacos connection over gRPC, by the SDK's own stubs and none of its habits: it answers what it is told to.
type client struct {
	channel *grpc.ClientConn
	unary   nacos.RequestClient
	stream  nacos.BiRequestStream_RequestBiStreamClient
	sending sync.Mutex
	// What the server sends: its type and when it came. Closed when the stream ends.
	pushed chan push
}

type push struct {
	kind, id, key string
	at            time.Time
}

type object = map[string]any

func payload(kind string, body object) *nacos.Payload {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // only texts, numbers and lists of them
	}
	return &nacos.Payload{
		Metadata: &nacos.Metadata{Type: kind, ClientIp: "127.0.0.1"},
		Body:     &anypb.Any{Value: text},
	}
}

// connect registers a connection, as Go's and old Java clients do: without an ability table, so that no ack of it comes.
func connect(ctx context.Context, port int) (*client, error) {
	channel, err := grpc.DialContext(ctx, fmt.Sprintf("127.0.0.1:%d", port+1000),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithBlock())
	if err != nil {
		return nil, err
	}
	c := &client{channel: channel, unary: nacos.NewRequestClient(channel), pushed: make(chan push, 1000)}
	if _, err := c.ask(ctx, "ServerCheckRequest", object{}); err != nil {
		return nil, err
	}
	if c.stream, err = nacos.NewBiRequestStreamClient(channel).RequestBiStream(ctx); err != nil {
		return nil, err
	}
	setup := object{"clientVersion": "Nacos-Go-Client:v2.3.2", "tenant": "", "labels": object{"source": "sdk", "module": "config"}}
	if err := c.stream.Send(payload("ConnectionSetupRequest", setup)); err != nil {
		return nil, err
	}
	go c.receive()
	// Nothing says that the server has registered it, until a call is not refused any more.
	for try := 0; ; try++ {
		time.Sleep(100 * time.Millisecond)
		if _, err = c.ask(ctx, "HealthCheckRequest", object{}); err == nil || try == 50 {
			return c, err
		}
	}
}

func (c *client) receive() {
	defer close(c.pushed)
	for {
		message, err := c.stream.Recv()
		at := time.Now()
		if err != nil {
			return
		}
		var body struct{ RequestId, DataId string }
		if json.Unmarshal(message.Body.Value, &body) != nil {
			return
		}
		c.pushed <- push{message.Metadata.Type, body.RequestId, body.DataId, at}
	}
}

// answer acknowledges what was pushed, or says that it went wrong.
func (c *client) answer(to push, ok bool) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	kind := strings.Replace(to.kind, "Request", "Response", 1)
	code := 200
	if !ok {
		code = 500
	}
	return c.stream.Send(payload(kind, object{"requestId": to.id, "resultCode": code, "success": ok}))
}

func (c *client) ask(ctx context.Context, kind string, body object) (object, error) {
	answer, err := c.unary.Request(ctx, payload(kind, body))
	if err != nil {
		return nil, err
	}
	var got object
	if err := json.Unmarshal(answer.Body.Value, &got); err != nil {
		return nil, err
	}
	if code, _ := got["resultCode"].(float64); code != 200 {
		return nil, fmt.Errorf("%s: %s", kind, answer.Body.Value)
	}
	return got, nil
}

func (c *client) listen(ctx context.Context, key, md5 string) error {
	contexts := []object{{"dataId": key, "group": group, "tenant": "", "md5": md5}}
	_, err := c.ask(ctx, "ConfigBatchListenRequest", object{"listen": true, "configListenContexts": contexts})
	return err
}

// publish answers when the ack came.
func (c *client) publish(ctx context.Context, key, content string) (time.Time, error) {
	_, err := c.ask(ctx, "ConfigPublishRequest", object{"dataId": key, "group": group, "tenant": "", "content": content})
	return time.Now(), err
}

// healthy asks for health every 5 s, as every SDK does, until the context ends.
func (c *client) healthy(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Second):
			if _, err := c.ask(ctx, "HealthCheckRequest", object{}); err != nil {
				return
			}
		}
	}
}

// poll holds a long poll on one key, and answers when it ended and whether it named a change.
func poll(port int, key, md5 string, timeout time.Duration) (time.Time, bool, error) {
	form := url.Values{"Listening-Configs": {key + "\x02" + group + "\x02" + md5 + "\x01"}}
	request, err := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d/nacos/v1/cs/configs/listener", port), strings.NewReader(form.Encode()))
	if err != nil {
		return time.Time{}, false, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Long-Pulling-Timeout", fmt.Sprint(timeout.Milliseconds()))
	answer, err := polls.Do(request)
	if err != nil {
		return time.Time{}, false, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("listener: %s: %s", answer.Status, body)
	}
	return time.Now(), len(strings.TrimSpace(string(body))) > 0, err
}

var polls = &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 300}}
