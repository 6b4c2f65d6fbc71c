package heimproxy

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"context"
	"errors"
	"unsafe"
)

// A Notification is what somebody told a channel.
type Notification struct {
	PID     uint32 // whose server told it
	Channel string
	Payload string
}

// Notification is the next one of the channels that the connection listens on. It waits without a
// thread, until ctx ends; if it has ended, one that is there is told nevertheless. For sql.Conn.Raw.
func (c *Conn) Notification(ctx context.Context) (Notification, error) {
	s, err := c.idle()
	if err != nil {
		return Notification{}, err
	}
	descriptor, err := s.descriptor()
	if err != nil {
		return Notification{}, err
	}
	for {
		told := C.heim_notification{struct_size: C.sizeof_heim_notification}
		status := C.heimgo_notification(s.handle, &told)
		if status == C.HEIM_OK {
			return Notification{uint32(told.pid), C.GoString(told.channel), C.GoString(told.payload)}, nil
		}
		if err := s.outcome(ctx, status); !errors.Is(err, TimedOut) {
			return Notification{}, err
		}
		if err := ctx.Err(); err != nil {
			return Notification{}, err
		}
		if err := waitReadable(ctx, descriptor); err != nil && ctx.Err() == nil {
			return Notification{}, err
		}
	}
}

func (s *session) tellNotices() {
	for notice := C.heimgo_take_notices(s.handle); notice != nil; {
		told := &Notice{}
		at := unsafe.Pointer(&notice.fields[0])
		for letter := *(*byte)(at); letter != 0; letter = *(*byte)(at) {
			text := C.GoString((*C.char)(unsafe.Add(at, 1)))
			told.set(letter, text)
			at = unsafe.Add(at, len(text)+2)
		}
		next := notice.next
		C.free(unsafe.Pointer(notice))
		notice = next
		s.onNotice(told)
	}
}
