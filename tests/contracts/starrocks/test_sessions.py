"""What a session is: how statements are quoted, what it may set, how it is refused."""

from __future__ import annotations

import pytest

from srbackup.errors import CredentialsRejected
from srbackup.model.cluster import Cluster, Frontend
from srbackup.model.secret import Secret
from srbackup.starrocks import statements
from srbackup.starrocks.base import AccessDenied, StatementRefused
from tests.contracts.starrocks.contract import On, contract
from tests.contracts.starrocks.subject import Subject, sql_starrocks


@contract("SELECT '...'", "sql/parser/AstBuilder.java, visitString")
def test_backslashes_escape_in_strings(subject: Subject) -> None:
    """A string comes back as it was: backslashes escape quotes, line breaks and themselves."""
    text = "it's a \\ and\na line"
    ((value,),) = (row.values() for row in subject.ask(f"SELECT {statements.string(text)} AS x"))
    assert value == text
    assert subject.starrocks.snapshot(subject.in_repository, "it's").label == "it's"


@contract("`...`", "sql/parser/AstBuilder.java, visitBackQuotedIdentifier")
def test_words_and_odd_characters_are_names_between_backticks(subject: Subject) -> None:
    """Reserved words and letters of any language are names between backticks."""
    database = subject.database()
    subject.ask(
        f"CREATE TABLE {statements.qualified(database, 'select')} (k INT, `grün` INT) DUPLICATE KEY(k) "
        "DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1')"
    )
    assert [c.name for c in subject.starrocks.columns(database, "select")] == ["k", "grün"]


@contract("USE", "qe/StmtExecutor.java:2316", on=On.EVERYTHING)
def test_unqualified_names_belong_to_the_session(subject: Subject) -> None:
    """Names without a database belong to the one that USE named."""
    database = subject.table()
    assert subject.starrocks.value(database, "SELECT count(*) FROM t") == "3"


@contract("SET", "ErrorCode.ERR_UNKNOWN_SYSTEM_VARIABLE")
def test_a_variable_that_a_release_does_not_know_is_called_so(subject: Subject) -> None:
    """A variable that the release does not know is refused with a text that has the word `variable`."""
    assert "variable" in subject.refusal("SET no_such_setting = 1").text.lower()


@contract("SET", "SessionVariable.java")
@pytest.mark.parametrize("setting", statements.READING)
def test_settings_for_reading_are_known_or_called_unknown(subject: Subject, setting: str) -> None:
    """Each setting for comparisons is taken, or refused as an unknown variable."""
    refused = subject.refused(setting)
    assert refused is None or "variable" in refused.text.lower()


@contract("BEGIN", "transaction/ExplicitTxnStatementValidator.java:54", since="4.0")
def test_nothing_can_be_shown_within_a_transaction(subject: Subject) -> None:
    """After BEGIN every SHOW is refused (5305): autocommit it must be."""
    if subject.refused("BEGIN"):
        pytest.skip("what stands before this FE cannot answer BEGIN")
    refused = subject.refusal("BEGIN", "SHOW DATABASES")
    assert (refused.code, refused.state) == (5305, "25P01")


@contract("login", "ErrorCode.ERR_AUTHENTICATION_FAIL", on=On.LAB_AND_CONTAINERS)
def test_a_wrong_password_is_told_by_its_code(subject: Subject) -> None:
    """A wrong password is refused with 1045."""
    if subject.cluster is None:
        pytest.skip("the fake has no users")
    (frontend,) = subject.cluster.frontends
    wrong = Cluster("wrong", (Frontend("fe", frontend.host, frontend.port),), "nobody_at_all", Secret("wrong"))
    with pytest.raises(CredentialsRejected, match="rejects user"):
        sql_starrocks(wrong)[0].databases()


@contract("SHOW BACKUP", "AuthorizerStmtVisitor.java:2458")
def test_what_takes_a_privilege_is_refused_by_name(subject: Subject) -> None:
    """Without REPOSITORY on SYSTEM jobs cannot be seen: the text names privilege and object, whatever the code."""
    user = f"contract_{subject.label()}"
    database = subject.database()
    subject.ask(f"CREATE USER {user} IDENTIFIED BY ''")
    try:
        refused = subject.refusal(f"SHOW BACKUP FROM {database}", user=user)
        assert "Access denied; you need (at least one of) the REPOSITORY privilege(s) on SYSTEM" in refused.text
        assert refused.code == (1252 if subject.older_than("4.0") else 5203)
        (frontend,) = subject.cluster.frontends if subject.cluster else ()
        lowly = Cluster("c", (Frontend("fe", frontend.host, frontend.port),), user, Secret(""))
        with pytest.raises(AccessDenied, match="REPOSITORY"):
            sql_starrocks(lowly)[0].backup_job(database)
    finally:
        subject.ask(f"DROP USER {user}")


@contract("SHOW GRANTS", "ShowExecutor.visitShowGrantsStatement")
def test_grants_are_listed_in_a_column_of_that_name(subject: Subject) -> None:
    """SHOW GRANTS has a column Grants with one GRANT a row."""
    grants = subject.starrocks.grants()
    assert grants
    assert all(grant.startswith("GRANT ") for grant in grants)


@contract("any", "ErrorCode.java", on=On.EVERYTHING)
def test_what_is_missing_is_refused_not_answered_with_nothing(subject: Subject) -> None:
    """Reading a table that is not there is refused, never answered with no rows."""
    database = subject.database()
    with pytest.raises(StatementRefused):
        subject.starrocks.value(database, "SELECT count(*) FROM nothing_here")
