package heimproxy

// SessionForTest tells sessions from each other.
func (c *Conn) SessionForTest() *session { return c.session }

// EndSessionForTest is what an end of the session's own amounts to, found out later.
func (c *Conn) EndSessionForTest() { c.session.ended = true }
