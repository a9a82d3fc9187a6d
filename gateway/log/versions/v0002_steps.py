"""Decisions with what they were made from, apart from the records: they are many, and kept for less long."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its indexes."""
    op.create_table(
        "step",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("utc_s", sa.Float, nullable=False, index=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Index("ix_step_site", "site", "id"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("step")
