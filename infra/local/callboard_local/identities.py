"""Local users: made in the emulator's user pool as an operator makes them on AWS."""

import json
import secrets
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from callboard_local import ministack
from callboard_local.errors import StackError

# Two tenants, and an administrator of the first.
USERS = {
    "alice": ["tenant:alice"],
    "bob": ["tenant:bob"],
    "admin": ["tenant:alice", "admins"],
}


def create_users(endpoint: str, pool_id: str, users_file: Path) -> None:
    """Make the local users with new passwords, which go to a file that only its owner reads."""
    passwords = {name: new_password() for name in USERS}
    for name, groups in USERS.items():
        create_user(endpoint, pool_id, name, groups, passwords[name])
    users_file.touch(mode=0o600)
    users_file.write_text(json.dumps(passwords, indent=2))


def new_password() -> str:
    """Make a password that every policy takes."""
    return f"Aa1-{secrets.token_urlsafe(24)}"


def create_user(endpoint: str, pool_id: str, name: str, groups: list[str], password: str) -> None:
    """Make a user in these groups; groups that are not there are made.

    Raises:
        StackError: A user of this name exists.
    """
    cognito = ministack.client("cognito-idp", endpoint)
    try:
        cognito.admin_create_user(
            UserPoolId=pool_id, Username=name, TemporaryPassword=password, MessageAction="SUPPRESS"
        )
    except cognito.exceptions.UsernameExistsException as error:
        raise StackError(f"There is a user {name} already.") from error
    cognito.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=password, Permanent=True)
    for group in groups:
        _ensure_group(cognito, pool_id, group)
        cognito.admin_add_user_to_group(UserPoolId=pool_id, Username=name, GroupName=group)


def create_machine(endpoint: str, pool_id: str, name: str, tenant: str) -> str:
    """Make a machine user of a tenant and keep its credentials as a secret; return the secret's name."""
    password = new_password()
    create_user(endpoint, pool_id, name, [f"tenant:{tenant}", "machines"], password)
    secret_name = f"callboard/machines/{name}"
    ministack.client("secretsmanager", endpoint).create_secret(
        Name=secret_name, SecretString=json.dumps({"username": name, "password": password})
    )
    return secret_name


def access_token(endpoint: str, client_id: str, name: str, password: str) -> str:
    """Sign a user in; return the access token.

    Raises:
        StackError: The user pool refused.
    """
    cognito = ministack.client("cognito-idp", endpoint)
    try:
        answer = cognito.initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )
    except ClientError as error:
        raise StackError(f"{name} cannot sign in: {error.response['Error'].get('Message', '')}") from error
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


def _ensure_group(cognito: Any, pool_id: str, group: str) -> None:
    try:
        cognito.create_group(UserPoolId=pool_id, GroupName=group)
    except cognito.exceptions.GroupExistsException:
        return
