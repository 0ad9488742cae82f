"""The signature of an upload by form, which is over the form's policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html and, for version 2,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/HTTPPOSTExamples.html
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from sagewright.wire.signing import sigv2
from sagewright.wire.signing.canonical import ALGORITHM, Key, Keys, sign, signing_key
from sagewright.wire.signing.refusals import Refusals, invalid_argument, text_mismatch
from sagewright.wire.signing.verify import check_token

_V4 = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_V2 = ("awsaccesskeyid", "signature")


def verify_policy(policy_base64: str, fields: Mapping[str, str], keys: Keys, now: float) -> Key:
    """The key that signed an upload by form. Its policy is then good, what it says is not looked at.

    fields: of the form, names in lower case. Raises AwsError.
    """
    is_v2 = "awsaccesskeyid" in fields and "x-amz-signature" not in fields
    for name in _V2 if is_v2 else _V4:
        if not fields.get(name):
            message = f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of"
            raise invalid_argument(f"{message} the fields.", name, "")
    access_key, scope = (fields["awsaccesskeyid"], ("", "")) if is_v2 else _credential(fields)
    say = Refusals("rest-xml")
    key = keys(access_key)
    if key is None:
        raise say.unknown(access_key)
    check_token(say, key, fields.get("x-amz-security-token", ""), now)
    if is_v2:
        signature = fields["signature"]
        good = sigv2.matches(key.secret, policy_base64, signature)
    else:
        signature = fields["x-amz-signature"]
        right = sign(signing_key(key.secret, *scope, "s3"), policy_base64)
        good = hmac.compare_digest(right.encode(), signature.encode())
    if not good:
        raise text_mismatch(access_key, policy_base64, signature)
    return key


def _credential(fields: Mapping[str, str]) -> tuple[str, tuple[str, str]]:
    """Access key, and date and region of the key that signs. Raises AwsError."""
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise invalid_argument("The algorithm is not supported.", "x-amz-algorithm", fields["x-amz-algorithm"])
    access_key, *scope = fields["x-amz-credential"].rsplit("/", 4)
    if len(scope) != 4 or scope[2:] != ["s3", "aws4_request"] or scope[0] != fields["x-amz-date"][:8]:
        raise invalid_argument("The credential is malformed.", "x-amz-credential", fields["x-amz-credential"])
    return access_key, (scope[0], scope[1])
