package main

import "golang.org/x/sys/unix"

// monotonicNanoseconds reads the clock that all processes of a host share.
func monotonicNanoseconds() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic("CLOCK_MONOTONIC is there on every Linux: " + err.Error())
	}
	return now.Nano()
}
