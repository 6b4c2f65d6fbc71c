// Go stands where heimproxyd does in the end-to-end tests: a proxy in a process of Go.
//
//	host-go CONFIG
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	heimproxy "heimproxy/bindings/go"
)

var levels = map[heimproxy.LogLevel]string{heimproxy.LogDebug: "DEBUG", heimproxy.LogInfo: "INFO",
	heimproxy.LogWarning: "WARNING", heimproxy.LogError: "ERROR"}

var stops = map[os.Signal]heimproxy.Stop{syscall.SIGTERM: heimproxy.WaitForClients,
	syscall.SIGINT: heimproxy.WaitForServers, syscall.SIGQUIT: heimproxy.StopNow}

func writeLine(level heimproxy.LogLevel, line string) {
	fmt.Fprintln(os.Stderr, levels[level], line)
}

func obey(proxy *heimproxy.Proxy, signals <-chan os.Signal) {
	for number := range signals {
		var err error
		if how, ends := stops[number]; ends {
			err = proxy.Stop(how)
		} else {
			err = proxy.Reload() // all goes on as before if it fails
		}
		if err != nil {
			writeLine(heimproxy.LogError, err.Error())
		}
	}
}

func run(config string) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	proxy, err := heimproxy.Open(heimproxy.Config{File: config, Log: writeLine})
	if err != nil {
		return err
	}
	defer proxy.Close()
	go obey(proxy, signals)
	return proxy.Wait(context.Background())
}

func main() {
	if err := run(os.Args[1]); err != nil {
		writeLine(heimproxy.LogError, err.Error())
		os.Exit(1)
	}
}
