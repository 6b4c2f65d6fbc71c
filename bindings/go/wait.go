package heimproxy

/*
#include <fcntl.h>
#include "bridge.h"
static int heimgo_copy_descriptor(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }
*/
import "C"

import (
	"context"
	"os"
	"time"
)

// Who waits on a thread of its own sleeps in the kernel on its server's socket: nothing is quicker.
// But each thread costs, and the runtime allows 10,000. So there are so many at most for each proxy;
// whoever comes then waits in the runtime's poller, with no thread at all.
const threadsMax = 64

func (p *Proxy) takeThread() bool {
	if p.waiting.Add(1) <= threadsMax {
		return true
	}
	p.waiting.Add(-1)
	return false
}

func (p *Proxy) leaveThread() { p.waiting.Add(-1) }

// descriptor is the session's, for the poller. The library reads and writes it; here it is only
// waited for.
func (s *session) descriptor() (*os.File, error) {
	if s.readiness != nil {
		return s.readiness, nil
	}
	var fd C.int
	if status := C.heim_session_descriptor(s.handle.session, &fd, &s.handle.error); status != C.HEIM_OK {
		return nil, newError(status, &s.handle.error)
	}
	own, err := C.heimgo_copy_descriptor(fd)
	if own < 0 {
		return nil, os.NewSyscallError("fcntl", err)
	}
	s.readiness = os.NewFile(uintptr(own), "session")
	return s.readiness, nil
}

// waitReadable returns when the descriptor is readable, or ctx (which may be nil) has ended.
func waitReadable(ctx context.Context, file *os.File) error {
	if ctx != nil && ctx.Done() != nil {
		defer interruptBy(ctx, file)()
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool { return C.heimgo_readable(C.int(fd)) != 0 })
}

// interruptBy ends reads of the file when ctx ends, until what it returns is called.
func interruptBy(ctx context.Context, file *os.File) func() {
	over, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		select {
		case <-ctx.Done():
			_ = file.SetReadDeadline(time.Unix(1, 0))
		case <-over:
		}
	}()
	return func() {
		close(over)
		<-left
		_ = file.SetReadDeadline(time.Time{})
	}
}
