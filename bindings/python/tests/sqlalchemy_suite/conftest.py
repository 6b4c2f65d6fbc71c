"""SQLAlchemy's own suite for dialects."""

import pytest
import sqlalchemy.dialects.postgresql.provision  # noqa: F401
from sqlalchemy.dialects import registry

registry.register("postgresql.heimproxy", "heimproxy.sqlalchemy", "Dialect")
registry.register("postgresql.heimproxy_async", "heimproxy.sqlalchemy_async", "AsyncDialect")
pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402, F401, F403
