package heimproxy

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Options say whose sessions a Connector opens, and how.
type Options struct {
	User     string // whom the proxy takes it for, without asking for a password
	Database string // "": named as the user
	// Password is for the servers, where the configuration has none for this user.
	Password        string
	ApplicationName string
	// Settings are those of PostgreSQL that each session begins with: "search_path", ...
	Settings map[string]string
	// OnNotice gets what the server says beside its answers, on the goroutine that asked, before its
	// call returns. It must not use the connection.
	OnNotice func(*Notice)
	// CancelWait is how long a statement whose context has ended may take to be cancelled; then its
	// connection is given up. 0: 5 seconds.
	CancelWait time.Duration
	// ResultBytesMax bounds what a text of several statements may answer; 0: 1 GiB. Other rows are
	// streamed.
	ResultBytesMax int
	// ResetAlways makes each use of the pool a new connection. Otherwise only a use that seems to have
	// left something behind does: see Conn.IsValid.
	ResetAlways bool
}

const defaultCancelWait = 5 * time.Second

// texts are the options as the bridge wants them.
func (o *Options) texts() ([]byte, int, error) {
	all := []string{o.User, o.Database, o.Password, o.ApplicationName}
	for name, value := range o.Settings {
		all = append(all, name, value)
	}
	var texts []byte
	for _, text := range all {
		if strings.IndexByte(text, 0) >= 0 {
			return nil, 0, errors.New("heimproxy: a zero byte in an option")
		}
		texts = append(append(texts, text...), 0)
	}
	return texts, len(all) - 4, nil
}

// A Connector opens connections for sql.OpenDB.
type Connector struct {
	proxy   *Proxy
	options Options
	logins  chan struct{} // one for each that is under way
	release func() error  // nil: the proxy is somebody else's
	once    sync.Once
}

// A login holds a thread of the runtime, where it waits for a server too. More take turns.
const loginsMax = 16

// NewConnector is of a proxy that its caller keeps, and closes after the DB.
func NewConnector(proxy *Proxy, options Options) *Connector {
	return &Connector{proxy: proxy, options: options, logins: make(chan struct{}, loginsMax)}
}

// Connect opens a session. If ctx ends first, it is not waited for.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func (c *Connector) connect(ctx context.Context) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	session, err := c.openSession(ctx)
	if err != nil {
		return nil, err
	}
	return &Conn{connector: c, session: session}, nil
}

// Driver is the one that database/sql knows as "heimproxy".
func (c *Connector) Driver() driver.Driver { return Driver{} }

// Close is called by DB.Close. It closes the proxy if sql.Open had opened it, and no other DB uses it.
func (c *Connector) Close() error {
	var err error
	c.once.Do(func() {
		if c.release != nil {
			err = c.release()
		}
	})
	return err
}

// ---- sql.Open ---------------------------------------------------------------------------------

// Driver is for sql.Open("heimproxy", dsn). A DSN has names and values as libpq's:
//
//	config=heimproxy.toml user=app dbname=orders
//
// `config` is the path of a configuration; the proxy of one path is opened once, and closed with its
// last DB. Further names: password, application_name, and what else is a setting of PostgreSQL.
type Driver struct{}

func init() { sql.Register("heimproxy", Driver{}) }

// Open is for who calls the driver without database/sql.
func (d Driver) Open(dsn string) (driver.Conn, error) {
	connector, err := d.openConnector(dsn)
	if err != nil {
		return nil, err
	}
	conn, err := connector.connect(context.Background())
	if err != nil {
		connector.Close()
		return nil, err
	}
	conn.onClose = connector.Close
	return conn, nil
}

// OpenConnector opens the proxy, and no connection yet.
func (d Driver) OpenConnector(dsn string) (driver.Connector, error) {
	connector, err := d.openConnector(dsn)
	if err != nil {
		return nil, err
	}
	return connector, nil
}

func (d Driver) openConnector(dsn string) (*Connector, error) {
	path, options, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	proxy, err := shared.take(path)
	if err != nil {
		return nil, err
	}
	connector := NewConnector(proxy, options)
	connector.release = func() error { return shared.release(path) }
	return connector, nil
}

func parseDSN(dsn string) (path string, options Options, err error) {
	pairs, err := dsnPairs(dsn)
	if err != nil {
		return "", options, err
	}
	options.Settings = map[string]string{}
	known := map[string]*string{
		"config": &path, "user": &options.User, "dbname": &options.Database,
		"password": &options.Password, "application_name": &options.ApplicationName,
	}
	for _, pair := range pairs {
		if place := known[pair[0]]; place != nil {
			*place = pair[1]
		} else {
			options.Settings[pair[0]] = pair[1]
		}
	}
	if path == "" {
		return "", options, errors.New("heimproxy: the DSN names no config")
	}
	return path, options, nil
}

// dsnPairs reads "name = value name='a b'": a backslash makes the next character itself.
func dsnPairs(dsn string) (pairs [][2]string, err error) {
	const space = " \t\r\n"
	for rest := strings.TrimLeft(dsn, space); rest != ""; rest = strings.TrimLeft(rest, space) {
		equals := strings.IndexByte(rest, '=')
		if equals < 1 {
			return nil, fmt.Errorf("heimproxy: the DSN has no '=' behind %q", rest)
		}
		name := strings.TrimRight(rest[:equals], space)
		value, behind, ok := dsnValue(strings.TrimLeft(rest[equals+1:], space))
		if !ok {
			return nil, fmt.Errorf("heimproxy: the DSN's value of %q does not end", name)
		}
		pairs = append(pairs, [2]string{name, value})
		rest = behind
	}
	return pairs, nil
}

func dsnValue(text string) (value, behind string, ok bool) {
	quoted := strings.HasPrefix(text, "'")
	i := 0
	if quoted {
		i = 1
	}
	var out []byte
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			out = append(out, text[i])
		case quoted && c == '\'':
			return string(out), text[i+1:], true
		case !quoted && strings.IndexByte(" \t\r\n", c) >= 0:
			return string(out), text[i:], true
		default:
			out = append(out, c)
		}
	}
	return string(out), "", !quoted
}

// The proxies that sql.Open has opened, by the path of their configuration.
type sharedProxies struct {
	mutex  sync.Mutex
	byPath map[string]*sharedProxy
}

type sharedProxy struct {
	proxy *Proxy
	users int
}

var shared = sharedProxies{byPath: map[string]*sharedProxy{}}

func (s *sharedProxies) take(path string) (*Proxy, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := s.byPath[path]
	if found == nil {
		proxy, err := Open(Config{File: path})
		if err != nil {
			return nil, err
		}
		found = &sharedProxy{proxy: proxy}
		s.byPath[path] = found
	}
	found.users++
	return found.proxy, nil
}

func (s *sharedProxies) release(path string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := s.byPath[path]
	if found.users--; found.users > 0 {
		return nil
	}
	delete(s.byPath, path)
	return found.proxy.Close()
}
