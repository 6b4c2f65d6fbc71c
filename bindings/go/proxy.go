// Package heimproxy is PostgreSQL through an engine in this process: pooling, routing of reads,
// failover. It is a driver for database/sql:
//
//	proxy, err := heimproxy.Open(heimproxy.Config{File: "heimproxy.toml"})
//	...
//	db := sql.OpenDB(heimproxy.NewConnector(proxy, heimproxy.Options{User: "app", Database: "orders"}))
//
// and, by Sidecar, a socket in this process for drivers that stay as they are.
package heimproxy

/*
#cgo pkg-config: heimproxy
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Version is the library's.
func Version() string { return C.GoString(C.heim_version_string()) }

// A Config says what a proxy is to be.
type Config struct {
	// File is the path of a configuration; Text is one itself, TOML or JSON. One of them is given.
	File, Text string
	// Log gets each line of the log, on a goroutine of its own; nil: there is no log. A Log that is
	// slow loses lines. It must not close the proxy.
	Log func(level LogLevel, line string)
	// LogLevel: lines below it are left out. The configuration decides unless it is set.
	LogLevel LogLevel
	// Seats is how many sessions can be in the engine at once; 0: as many as suit this machine.
	// Below 0: there are none, as for a mere Sidecar.
	Seats int
	// Sidecar: listen on a unix socket that only this user can enter. DSN says where.
	Sidecar bool
}

// A Proxy is the engine: its pools, threads and listeners. A process needs one, made after all
// forks. Its methods may be called by any goroutine.
type Proxy struct {
	lifetime sync.RWMutex // held for reading by whoever calls the library
	handle   *C.heim_proxy
	lent     sync.Mutex // held while texts are copied that the library lends
	log      *logReader
	waiting  atomic.Int32 // threads that wait in the library
}

var errProxyClosed = errors.New("heimproxy: the proxy is closed")

// Open makes a proxy and starts it: its addresses are bound, and sessions can be opened.
func Open(config Config) (*Proxy, error) {
	if (config.File == "") == (config.Text == "") {
		return nil, errors.New("heimproxy: Config needs either File or Text")
	}
	proxy := &Proxy{}
	settings := C.heimgo_settings{
		log_level:  C.heim_log_level(config.LogLevel),
		log_socket: -1,
		seats:      C.uint32_t(config.Seats),
	}
	if config.Seats < 0 {
		settings.seats = C.HEIM_NO_SEATS
	}
	if config.Sidecar {
		settings.sidecar = 1
	}
	if config.Log != nil {
		log, err := startLog(config.Log)
		if err != nil {
			return nil, err
		}
		proxy.log = log
		settings.log_socket = C.int(log.writer)
	}
	if err := proxy.open(config, &settings); err != nil {
		proxy.log.stop()
		return nil, err
	}
	return proxy, nil
}

func (p *Proxy) open(config Config, settings *C.heimgo_settings) error {
	var file, text, diagnostics *C.char
	var handle *C.heim_proxy
	var failure C.heim_error
	if config.File != "" {
		file = C.CString(config.File)
		defer C.free(unsafe.Pointer(file))
	} else {
		text = C.CString(config.Text)
		defer C.free(unsafe.Pointer(text))
	}
	status := C.heimgo_open(file, text, C.size_t(len(config.Text)), settings, &handle, &diagnostics,
		&failure)
	if status == C.HEIM_OK {
		p.handle = handle
		return nil
	}
	err := newError(status, &failure)
	if diagnostics != nil {
		err.Detail = C.GoString(diagnostics)
		C.free(unsafe.Pointer(diagnostics))
	}
	return err
}

// Sidecar opens a proxy with a socket in this process, for drivers that stay as they are:
//
//	sidecar, err := heimproxy.Sidecar("heimproxy.toml")
//	conn, err := pgx.Connect(ctx, sidecar.DSN("orders", "app"))
func Sidecar(path string) (*Proxy, error) { return Open(Config{File: path, Sidecar: true}) }

// enter keeps the proxy from being closed until leave.
func (p *Proxy) enter() error {
	p.lifetime.RLock()
	if p.handle == nil {
		p.lifetime.RUnlock()
		return errProxyClosed
	}
	return nil
}

func (p *Proxy) leave() { p.lifetime.RUnlock() }

// ask calls the library with the proxy.
func (p *Proxy) ask(call func(failure *C.heim_error) C.heim_status) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.leave()
	var failure C.heim_error
	if status := call(&failure); status != C.HEIM_OK {
		return newError(status, &failure)
	}
	return nil
}

// text is the same for what answers with a text.
func (p *Proxy) text(call func(out **C.char, failure *C.heim_error) C.heim_status) (string, error) {
	var text string
	err := p.ask(func(failure *C.heim_error) C.heim_status {
		p.lent.Lock()
		defer p.lent.Unlock()
		var out *C.char
		status := call(&out, failure)
		if status == C.HEIM_OK {
			text = C.GoString(out)
		}
		return status
	})
	return text, err
}

// DSN is what a driver of this process connects to, as libpq, pgx and lib/pq have it. "" leaves out
// the database or the user. It panics if the proxy is closed, or was opened without Sidecar.
func (p *Proxy) DSN(database, user string) string {
	dsn, err := p.text(func(out **C.char, failure *C.heim_error) C.heim_status {
		d, u := optional(database), optional(user)
		defer C.free(unsafe.Pointer(d))
		defer C.free(unsafe.Pointer(u))
		return C.heim_proxy_dsn(p.handle, d, u, out, failure)
	})
	if err != nil {
		panic(err)
	}
	return dsn
}

func optional(text string) *C.char {
	if text == "" {
		return nil
	}
	return C.CString(text)
}

// Addresses are those that are bound, one a line.
func (p *Proxy) Addresses() (string, error) {
	return p.text(func(out **C.char, failure *C.heim_error) C.heim_status {
		return C.heim_proxy_addresses(p.handle, out, failure)
	})
}

// Show is what SHOW says on the console: "POOLS", "NODES", "STATS", "CLIENTS", ... A NULL is not in
// its row.
func (p *Proxy) Show(what string) ([]map[string]string, error) {
	text, err := p.text(func(out **C.char, failure *C.heim_error) C.heim_status {
		name := C.CString(what)
		defer C.free(unsafe.Pointer(name))
		return C.heim_proxy_show(p.handle, name, out, failure)
	})
	if err != nil {
		return nil, err
	}
	return rowsOf(text)
}

// Invalidate says that somebody has written a table past the proxy: its cache gives no answer of
// before any more. An empty database is each that has the table; an empty table is all of the
// database, or of all.
func (p *Proxy) Invalidate(database, table string) error {
	return p.ask(func(failure *C.heim_error) C.heim_status {
		d, t := optional(database), optional(table)
		defer C.free(unsafe.Pointer(d))
		defer C.free(unsafe.Pointer(t))
		return C.heim_proxy_invalidate(p.handle, d, t, failure)
	})
}

// InvalidateLike does the same with all tables whose names are like a pattern of SQL's LIKE.
func (p *Proxy) InvalidateLike(database, pattern string) error {
	return p.ask(func(failure *C.heim_error) C.heim_status {
		d, like := optional(database), C.CString(pattern)
		defer C.free(unsafe.Pointer(d))
		defer C.free(unsafe.Pointer(like))
		return C.heim_proxy_invalidate_like(p.handle, d, like, failure)
	})
}

// InvalidateQuery does the same with one statement, whatever its values: by its text, or by its
// fingerprint of Show("CACHE QUERIES").
func (p *Proxy) InvalidateQuery(sql string) error {
	return p.ask(func(failure *C.heim_error) C.heim_status {
		text := C.CString(sql)
		defer C.free(unsafe.Pointer(text))
		return C.heim_proxy_invalidate_query(p.handle, text, failure)
	})
}

func rowsOf(text string) ([]map[string]string, error) {
	var shown []map[string]any
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		return nil, err
	}
	rows := make([]map[string]string, len(shown))
	for i, row := range shown {
		rows[i] = make(map[string]string, len(row))
		for name, value := range row {
			if text, ok := value.(string); ok {
				rows[i][name] = text
			}
		}
	}
	return rows, nil
}

// Explain says where a statement of such a session would go now, and why. It is not run.
func (p *Proxy) Explain(ctx context.Context, options Options, sql string) (map[string]string, error) {
	conn, err := NewConnector(p, options).connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.Explain(sql)
}

// Reload reads the configuration again, all of it or nothing.
func (p *Proxy) Reload() error {
	return p.ask(func(failure *C.heim_error) C.heim_status {
		return C.heim_proxy_reload(p.handle, failure)
	})
}

// A Stop says how a proxy ends.
type Stop int

const (
	WaitForClients Stop = C.HEIM_STOP_WAIT_FOR_CLIENTS // take no new ones; end when the last has left
	WaitForServers Stop = C.HEIM_STOP_WAIT_FOR_SERVERS // end each when it holds no server
	StopNow        Stop = C.HEIM_STOP_NOW              // end each with 57P01
)

// Stop begins to end the proxy, and returns. It may be called again for a sharper way.
func (p *Proxy) Stop(how Stop) error {
	return p.ask(func(failure *C.heim_error) C.heim_status {
		return C.heim_proxy_stop(p.handle, C.heim_stop(how), failure)
	})
}

// Wait returns when the proxy has ended, by Stop or by SHUTDOWN on its console.
func (p *Proxy) Wait(ctx context.Context) error {
	for {
		err := p.ask(func(failure *C.heim_error) C.heim_status {
			return C.heim_proxy_wait(p.handle, C.uint64_t(50*time.Millisecond), failure)
		})
		if !errors.Is(err, TimedOut) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Close ends the proxy now, and waits for its threads. Sessions that are open end with 57P01.
func (p *Proxy) Close() error {
	// Whoever is in the library, to log in or to wait, comes out of it by this.
	if err := p.Stop(StopNow); errors.Is(err, errProxyClosed) {
		return nil
	}
	p.lifetime.Lock()
	defer p.lifetime.Unlock()
	C.heim_proxy_close(p.handle)
	p.handle = nil
	p.log.stop()
	return nil
}
