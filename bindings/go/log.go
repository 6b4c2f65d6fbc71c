package heimproxy

/*
#include "bridge.h"
*/
import "C"

import (
	"os"
	"syscall"
)

// A LogLevel says how much a line of the log matters.
type LogLevel int

const (
	LogDebug   LogLevel = C.HEIM_LOG_DEBUG
	LogInfo    LogLevel = C.HEIM_LOG_INFO
	LogWarning LogLevel = C.HEIM_LOG_WARNING
	LogError   LogLevel = C.HEIM_LOG_ERROR
)

const longestLine = 64 << 10

// A logReader gives the lines that the library puts into a socket to a function.
type logReader struct {
	writer int
	reader *os.File
	done   chan struct{}
}

func startLog(tell func(LogLevel, string)) (*logReader, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX,
		syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	log := &logReader{ends[0], os.NewFile(uintptr(ends[1]), "log"), make(chan struct{})}
	go log.run(tell)
	return log, nil
}

func (l *logReader) run(tell func(LogLevel, string)) {
	defer close(l.done)
	buffer := make([]byte, longestLine)
	for {
		n, err := l.reader.Read(buffer)
		if err != nil || n == 0 {
			return
		}
		tell(LogLevel(buffer[0]-'0'), string(buffer[1:n]))
	}
}

// stop returns when all lines were told; the library must write no more. Nil: there is no log.
func (l *logReader) stop() {
	if l == nil {
		return
	}
	syscall.Close(l.writer)
	<-l.done
	l.reader.Close()
}
