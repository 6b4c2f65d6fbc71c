"""An index made outside of any transaction, in the middle of others."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"
branch_labels = depends_on = None


def upgrade():
    op.add_column("person", sa.Column("born", sa.Date))
    with op.get_context().autocommit_block():
        op.create_index("person_name", "person", ["name"], postgresql_concurrently=True)
        op.execute("alter type mood add value 'gone'")
    op.execute("set local search_path = public; update person set born = date '2000-01-01' + id")


def downgrade():
    op.drop_index("person_name", "person")
    op.drop_column("person", "born")
