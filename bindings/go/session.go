package heimproxy

/*
#include "bridge.h"
*/
import "C"

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
	"strings"
	"time"
	"unsafe"
)

// A session of the library, asked by one goroutine at a time.
type session struct {
	proxy    *Proxy
	handle   *C.heimgo_session
	onNotice func(*Notice)
	patience time.Duration // for a statement that is cancelled
	// ended: it can only be closed. What is asked then was certainly not done.
	ended bool
	// failed: a statement has, and nobody knows what it left behind.
	failed bool
	// abandoned: a call is still in the library, and whoever made it closes the session.
	abandoned bool
	readiness *os.File // a copy of its descriptor; nil: not needed yet

	request []byte // what is asked; reused
	values  []C.heimgo_value
}

// openSession returns when ctx ends, too: the login goes on then, and what it opens is closed.
func (c *Connector) openSession(ctx context.Context) (*session, error) {
	select {
	case c.logins <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var opened *session
	done := make(chan error, 1)
	open := func() {
		defer func() { <-c.logins }()
		var err error
		opened, err = openNow(c.proxy, &c.options)
		done <- err
	}
	if ctx.Done() == nil {
		open()
		return opened, <-done
	}
	go open()
	select {
	case err := <-done:
		return opened, err
	case <-ctx.Done():
		go func() {
			if <-done == nil {
				opened.close()
			}
		}()
		return nil, ctx.Err()
	}
}

func openNow(p *Proxy, o *Options) (*session, error) {
	texts, settings, err := o.texts()
	if err != nil {
		return nil, err
	}
	s := &session{proxy: p, onNotice: o.OnNotice, patience: o.CancelWait}
	if s.patience == 0 {
		s.patience = defaultCancelWait
	}
	wantsNotices := C.int(0)
	if o.OnNotice != nil {
		wantsNotices = 1
	}
	err = p.ask(func(failure *C.heim_error) C.heim_status {
		return C.heimgo_session_open(p.handle, (*C.char)(unsafe.Pointer(&texts[0])),
			C.size_t(settings), C.size_t(o.ResultBytesMax), wantsNotices, &s.handle, failure)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *session) close() {
	if s.readiness != nil {
		s.readiness.Close()
	}
	C.heimgo_session_close(s.handle)
	s.handle = nil
}

// call waits for the library. If ctx ends first, what the session runs is cancelled at the server,
// and its outcome is still waited for: it may have been done. Only if none comes the session is left
// behind.
func (s *session) call(ctx context.Context, wait func() C.heim_status) error {
	if s.ended {
		return driver.ErrBadConn
	}
	if ctx.Done() == nil {
		return s.outcome(ctx, wait())
	}
	done := make(chan C.heim_status, 1)
	go func() { done <- wait() }()
	select {
	case status := <-done:
		return s.outcome(ctx, status)
	case <-ctx.Done():
		return s.cancel(ctx, done)
	}
}

// A cancel request that comes before the server has the statement does nothing: so there are several.
func (s *session) cancel(ctx context.Context, done <-chan C.heim_status) error {
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		C.heim_session_cancel(s.handle.session, nil)
		again := time.NewTimer(pause)
		select {
		case status := <-done:
			again.Stop()
			return s.outcome(ctx, status)
		case <-patience.C:
			again.Stop()
			s.abandon(done)
			return ctx.Err()
		case <-again.C:
		}
	}
}

func (s *session) abandon(done <-chan C.heim_status) {
	s.ended, s.abandoned = true, true
	go func() {
		<-done
		s.close()
	}()
}

func (s *session) outcome(ctx context.Context, status C.heim_status) error {
	if s.handle.has_notices != 0 {
		s.tellNotices()
	}
	if status == C.HEIM_OK {
		return nil
	}
	err := s.failure(status)
	s.failed = s.failed || err.Status == Server
	if err.Status == Closed {
		s.ended = true
	}
	if err.Code == QueryCanceled && ctx.Err() != nil {
		return ctx.Err()
	}
	err.cause = ctx.Err()
	return err
}

// failure is what the last call failed by.
func (s *session) failure(status C.heim_status) *Error {
	err := newError(status, &s.handle.error)
	if err.Status != Server && err.Status != Closed {
		return err
	}
	for i := 0; i < len(errorFields); i++ {
		letter := errorFields[i]
		if text := C.heim_session_error_field(s.handle.session, C.char(letter)); text != nil {
			err.set(letter, C.GoString(text))
		}
	}
	return err
}

// transaction is the state that the session is in.
func (s *session) transaction() C.heim_transaction {
	if s.ended {
		return C.HEIM_TRANSACTION_ENDED
	}
	return C.heim_session_transaction(s.handle.session)
}

// ---- questions ------------------------------------------------------------------------------

// run asks what is in s.request and s.values, and waits for the first rows.
func (s *session) run(ctx context.Context, flags C.int) error {
	return s.call(ctx, func() C.heim_status {
		if s.proxy.takeThread() {
			defer s.proxy.leaveThread()
			return s.askRun(flags)
		}
		descriptor, err := s.descriptor()
		if err != nil {
			return s.askRun(flags)
		}
		if status := s.askRun(flags | C.HEIMGO_START); status != C.HEIM_OK {
			return status
		}
		_ = waitReadable(nil, descriptor) // if it cannot, the thread waits
		return C.heimgo_finish(s.handle)
	})
}

func (s *session) askRun(flags C.int) C.heim_status {
	var values *C.heimgo_value
	if len(s.values) > 0 {
		values = &s.values[0]
	}
	return C.heimgo_run(s.handle, (*C.char)(unsafe.Pointer(&s.request[0])), values,
		C.size_t(len(s.values)), flags)
}

const requestKept = 64 << 10

// setRequest begins a request with its SQL, or the name of a prepared statement.
func (s *session) setRequest(text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return errors.New("heimproxy: a zero byte in a statement")
	}
	if cap(s.request) > requestKept {
		s.request = nil
	}
	s.request = append(append(s.request[:0], text...), 0)
	s.values = s.values[:0]
	return nil
}

// command runs SQL without parameters.
func (s *session) command(ctx context.Context, sql string) error {
	if err := s.setRequest(sql); err != nil {
		return err
	}
	return s.run(ctx, 0)
}

// query runs a text of several statements, and waits for all of them.
func (s *session) query(ctx context.Context, sql string) error {
	if err := s.setRequest(sql); err != nil {
		return err
	}
	return s.call(ctx, func() C.heim_status {
		return C.heimgo_query(s.handle, (*C.char)(unsafe.Pointer(&s.request[0])))
	})
}

// next goes on to the next rows, or the next result. False: there is no more.
func (s *session) next(ctx context.Context) (bool, error) {
	err := s.call(ctx, func() C.heim_status { return C.heimgo_next(s.handle) })
	return err == nil && s.handle.result != nil, err
}

func (s *session) prepare(ctx context.Context, name, sql string) error {
	if err := s.setRequest(sql); err != nil {
		return err
	}
	at := len(s.request)
	s.request = append(append(s.request, name...), 0)
	return s.call(ctx, func() C.heim_status {
		return C.heimgo_prepare(s.handle, (*C.char)(unsafe.Pointer(&s.request[at])),
			(*C.char)(unsafe.Pointer(&s.request[0])))
	})
}

// tag is the command that the last result is of; "" while it is not over.
func (s *session) tag() string { return C.GoString(s.handle.tag) }

func (s *session) isOver() bool { return *s.handle.tag != 0 }
