package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A real Nacos takes half a minute to start on a small machine.
const readyWithin = 180 * time.Second

// server is the server under proof, a child process.
type server struct {
	command *exec.Cmd
	ended   chan struct{}
	input   io.WriteCloser
}

func ports() []int {
	if *second == 0 {
		return []int{*port}
	}
	return []int{*port, *second}
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// start starts the server and waits until every node says that it is ready and listens for gRPC.
func start(command []string) (*server, error) {
	for _, port := range ports() {
		if accepts(port) || accepts(port+1000) {
			return nil, fmt.Errorf("port %d or %d is taken: stop what uses it or choose another", port, port+1000)
		}
	}
	child := exec.Command(command[0], command[1:]...)
	child.Stdout, child.Stderr = os.Stderr, os.Stderr
	// Kept open: a server may take the end of its input as the end of its work.
	input, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("cannot start `%s`: %w", command[0], err)
	}
	s := &server{command: child, ended: make(chan struct{}), input: input}
	go func() {
		// How it ended is of no interest once it has.
		_ = child.Wait()
		close(s.ended)
	}()
	deadline := time.Now().Add(readyWithin)
	for _, port := range ports() {
		for !isReady(port) || !accepts(port+1000) {
			select {
			case <-s.ended:
				return nil, fmt.Errorf("the server ended at its start: %v", child.ProcessState)
			case <-time.After(50 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				s.kill()
				return nil, fmt.Errorf("port %d is not ready within %v", port, readyWithin)
			}
		}
	}
	return s, nil
}

// kill kills the server without a warning, and waits until it is gone.
func (s *server) kill() {
	// One that is gone already is what is wanted.
	_ = s.command.Process.Kill()
	<-s.ended
	s.input.Close()
}

func accepts(port int) bool {
	connection, err := net.Dial("tcp", address(port))
	if err == nil {
		connection.Close()
	}
	return err == nil
}

func isReady(port int) bool {
	path := "/nacos/v1/console/health/readiness"
	if *mode == 3 {
		path = "/nacos/v3/admin/core/state/readiness"
	}
	answer, err := http.Get("http://" + address(port) + path)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// call calls an operator's API, logged in when a user is given.
func call(method string, port int, path string, query url.Values) ([]byte, error) {
	if *user != "" {
		token, err := login(port)
		if err != nil {
			return nil, err
		}
		query.Set("accessToken", token)
	}
	request, err := http.NewRequest(method, "http://"+address(port)+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return exchange(request)
}

func login(port int) (string, error) {
	path := "/nacos/v1/auth/users/login"
	if *mode == 3 {
		path = "/nacos/v3/auth/user/login"
	}
	form := url.Values{"username": {*user}, "password": {*password}}
	request, err := http.NewRequest("POST", "http://"+address(port)+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	body, err := exchange(request)
	if err != nil {
		return "", fmt.Errorf("login: %w", err)
	}
	var answer struct{ AccessToken string }
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("login: no token in `%s`", body)
	}
	return answer.AccessToken, nil
}

// exchange answers the body of a 200; a 404 is the empty body.
func exchange(request *http.Request) ([]byte, error) {
	answer, err := (&http.Client{Timeout: 45 * time.Second}).Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode == http.StatusNotFound:
		return nil, nil
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s", answer.Status, body)
	}
	return body, nil
}
