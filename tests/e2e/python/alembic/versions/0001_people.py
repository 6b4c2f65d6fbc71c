"""A table and an enumeration."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade():
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("mood", sa.Enum("calm", "keen", name="mood"), server_default="calm"),
    )
    people = sa.table("person", sa.column("name", sa.Text))
    op.bulk_insert(people, [{"name": f"person {number}"} for number in range(50)])


def downgrade():
    op.drop_table("person")
    op.execute("drop type mood")
