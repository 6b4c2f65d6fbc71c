// Spec replays the conformance script (bindings/spec/README.md) through database/sql.
//
//	spec DIRECTORY PORT [PORT OF THE STANDBY]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	heimproxy "heimproxy/bindings/go"
)

type object = map[string]any

var ctx = context.Background()

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: spec DIRECTORY PORT [PORT OF THE STANDBY]")
		os.Exit(2)
	}
	paths, err := filepath.Glob(filepath.Join(os.Args[1], "*.json"))
	if err != nil {
		panic(err)
	}
	passed, failed := 0, 0
	for _, path := range paths {
		ok, wrong := replay(path, os.Args[2:])
		passed, failed = passed+ok, failed+wrong
	}
	// There is no verb that this binding has no call for.
	fmt.Printf("%d passed, %d failed, 0 left out\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}

// replay runs the cases of a file with a proxy of its own.
func replay(path string, ports []string) (passed, failed int) {
	file := read(path)
	if err := knows(file, "about", "config", "cases"); err != nil {
		fmt.Printf("%s: %v\n", path, err)
		return 0, 1
	}
	proxy, err := heimproxy.Open(heimproxy.Config{Text: configuration(file, ports)})
	if err != nil {
		fmt.Printf("%s: %v\n", path, err)
		return 0, 1
	}
	defer proxy.Close()
	for _, one := range file["cases"].([]any) {
		if err := runCase(proxy, one.(object)); err != nil {
			fmt.Printf("%s: %v\n", filepath.Base(path), err)
			failed++
		} else {
			passed++
		}
	}
	return passed, failed
}

func read(path string) object {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var file object
	if err := decoder.Decode(&file); err != nil {
		panic(fmt.Sprintf("%s: %v", path, err))
	}
	return file
}

// configuration is the common one with the file's laid over it, section by section.
func configuration(file object, ports []string) string {
	nodes := []any{}
	for i, port := range ports {
		node := object{"host": "127.0.0.1", "port": json.Number(port), "role": "primary"}
		if len(ports) > 1 {
			node["name"], node["role"] = fmt.Sprint("n", i), "auto"
		}
		nodes = append(nodes, node)
	}
	config := object{"proxy": object{"listen_address": []any{}}, "nodes": nodes}
	over, _ := file["config"].(object)
	for name, section := range over {
		common, both := config[name].(object)
		keys, isSection := section.(object)
		if !both || !isSection {
			config[name] = section
			continue
		}
		for key, value := range keys {
			common[key] = value
		}
	}
	return text(config)
}

func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}

func runCase(proxy *heimproxy.Proxy, one object) error {
	if err := knows(one, "name", "steps"); err != nil {
		return err
	}
	sessions := map[string]*session{}
	defer func() {
		for _, s := range sessions {
			s.close()
		}
	}()
	for number, step := range one["steps"].([]any) {
		if err := runStep(&turn{step.(object), proxy, sessions}); err != nil {
			return fmt.Errorf("%s: step %d: %w\n  %s", one["name"], number, err, text(step))
		}
	}
	return nil
}

func runStep(t *turn) error {
	verb, known := verbs[t.text("do")]
	if !known {
		return fmt.Errorf("unknown verb %v", t.step["do"])
	}
	keys := append([]string{"do", "on"}, expectations...)
	if err := knows(t.step, append(keys, verb.keys...)...); err != nil {
		return err
	}
	patient, _ := t.step["until"].(bool)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		mismatch := once(t, verb)
		if mismatch == nil || !patient || time.Now().After(end) {
			return mismatch
		}
	}
}

func once(t *turn, verb verb) error {
	cached, asked := t.step["cached"]
	before := 0
	if asked {
		var err error
		if before, err = cacheHits(t.proxy); err != nil {
			return err
		}
	}
	answers, err := verb.act(t)
	if mismatch := expect(t.step, answers, err); mismatch != nil || !asked {
		return mismatch
	}
	after, err := cacheHits(t.proxy)
	if err != nil {
		return err
	}
	return expectSame("cached", cached, after > before)
}

// knows: what the object has beside these is an error.
func knows(what object, keys ...string) error {
	known := map[string]bool{}
	for _, key := range keys {
		known[key] = true
	}
	for key := range what {
		if !known[key] {
			return fmt.Errorf("unknown key %q", key)
		}
	}
	return nil
}
