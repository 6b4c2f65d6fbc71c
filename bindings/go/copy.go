package heimproxy

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"context"
	"errors"
	"io"
	"unsafe"
)

const copyPiece = 64 << 10

// CopyIn runs a COPY ... FROM STDIN and sends it what `from` has. It answers how many rows came. If
// `from` fails, so does the COPY: the error is the server's, and errors.Is finds that of `from` in it.
// For sql.Conn.Raw:
//
//	err = conn.Raw(func(raw any) error {
//		count, err = raw.(*heimproxy.Conn).CopyIn(ctx, "copy items from stdin", file)
//		return err
//	})
func (c *Conn) CopyIn(ctx context.Context, sql string, from io.Reader) (int64, error) {
	s, err := c.beginCopy(ctx, sql, C.HEIM_KIND_COPY_IN)
	if err != nil {
		return 0, err
	}
	if err := s.feed(ctx, from); err != nil {
		return 0, err
	}
	affected := int64(s.handle.affected)
	c.observe(sql, s.tag())
	for more := true; more && err == nil; {
		more, err = s.next(ctx)
	}
	return affected, err
}

// feed ends the COPY in any case.
func (s *session) feed(ctx context.Context, from io.Reader) error {
	buffer := make([]byte, copyPiece)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if failed := s.writeCopy(ctx, buffer[:n]); failed != nil {
				return failed
			}
		}
		if err == io.EOF {
			return s.endCopy(ctx, "")
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			return s.giveUpCopy(err)
		}
	}
}

func (s *session) writeCopy(ctx context.Context, piece []byte) error {
	return s.call(ctx, func() C.heim_status {
		return C.heimgo_copy_write(s.handle, unsafe.Pointer(&piece[0]), C.size_t(len(piece)))
	})
}

// giveUpCopy ends it as failed, by the program's doing.
func (s *session) giveUpCopy(cause error) error {
	err := s.endCopy(context.Background(), cause.Error())
	if cause == context.Canceled || cause == context.DeadlineExceeded {
		return cause
	}
	var told *Error
	if errors.As(err, &told) {
		told.cause = cause
	}
	return err
}

// endCopy says that the data is complete, or why it is of no use.
func (s *session) endCopy(ctx context.Context, reason string) error {
	why := optional(reason)
	defer C.free(unsafe.Pointer(why))
	return s.call(ctx, func() C.heim_status { return C.heimgo_copy_end(s.handle, why) })
}

// CopyOut runs a COPY ... TO STDOUT and writes what comes. It answers how many rows came. If `to`
// fails, what is left is read away.
func (c *Conn) CopyOut(ctx context.Context, sql string, to io.Writer) (int64, error) {
	s, err := c.beginCopy(ctx, sql, C.HEIM_KIND_COPY_OUT)
	if err != nil {
		return 0, err
	}
	count := int64(0)
	for {
		data, err := s.readCopy(ctx)
		if err != nil {
			return count, err
		}
		if data == nil {
			c.observe(sql, "COPY")
			return count, nil
		}
		if _, err := to.Write(data); err != nil {
			if failed := c.skipCopy(s); failed != nil {
				return count, failed
			}
			return count, err
		}
		count++
	}
}

// readCopy is the next piece, lent until the next call; nil: there is no more.
func (s *session) readCopy(ctx context.Context) ([]byte, error) {
	var data unsafe.Pointer
	var length C.size_t
	err := s.call(ctx, func() C.heim_status {
		return C.heimgo_copy_read(s.handle, &data, &length)
	})
	if err != nil || data == nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(data), int(length)), nil
}

func (c *Conn) skipCopy(s *session) error {
	for {
		data, err := s.readCopy(context.Background())
		if err != nil || data == nil {
			return err
		}
	}
}

func (c *Conn) beginCopy(ctx context.Context, sql string, kind C.heim_kind) (*session, error) {
	s, err := c.idle()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// By the simple protocol: in the extended one, nobody can tell of a COPY that fails early whether
	// its Sync was swallowed among the data.
	if err := s.query(ctx, sql); err != nil {
		return nil, err
	}
	if s.handle.kind != kind {
		if _, err := c.execute(ctx, s, sql); err != nil {
			return nil, err
		}
		return nil, errors.New("heimproxy: that is no COPY of this direction")
	}
	return s, nil
}
