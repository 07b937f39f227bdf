"""Tokens that are not ours, or not for this, are refused alike on every face.

Each attack is a name and a function of the attacker. The attacker holds a good token and knows
everything that is public. In some attacks, our key has signed something that is no access token.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256, sha384, sha512
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.access.signing import Seal, SigningKey, new_key
from services.errors.common import TokenExpired, Unauthenticated
from services.ids import new_id
from services.process import Process
from tests.faces import Door, Outcome
from tests.shop import Clock, Person, Shop

STRANGER = Ed25519PrivateKey.generate()
RSA = new_rsa_key(65_537, 2048)
#: The order of Ed25519's group: S and S + L are the same number to a verifier that is careless.
L = 2**252 + 27742317777372353535851937790883648493


def b64(data: bytes) -> str:
    """As tokens are written."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """What `b64` wrote."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Attacker:
    """What an attacker has."""

    person: Person
    key: SigningKey
    now: datetime

    @property
    def token(self) -> str:
        """A token that is good."""
        return self.person.token

    @property
    def claims(self) -> dict[str, Any]:
        """What the good token says."""
        return json.loads(unb64(self.token.split(".")[1]))

    @property
    def header(self) -> dict[str, Any]:
        """The good token's header."""
        return json.loads(unb64(self.token.split(".")[0]))

    def write(
        self,
        sign: Callable[[bytes], bytes],
        claims: object = None,
        /,
        header: object = None,
        **changes: Any,
    ) -> str:
        """A token with this signature; header and claims are the good one's where not given."""
        written = {**self.header, **changes} if header is None else header
        body = self.claims if claims is None else claims
        signed = f"{b64(json.dumps(written).encode())}.{b64(json.dumps(body).encode())}"
        return f"{signed}.{b64(sign(signed.encode()))}"

    def forged(self, claims: object = None, /, **changes: Any) -> str:
        """Signed by the attacker."""
        return self.write(STRANGER.sign, claims, **changes)

    def signed(self, claims: object = None, /, **changes: Any) -> str:
        """Signed by our key."""
        return self.write(self.key.private.sign, claims, **changes)

    def saying(self, **claims: Any) -> str:
        """Signed by our key, with other claims; `...` leaves one out."""
        said = {**self.claims, **claims}
        return self.signed({name: value for name, value in said.items() if value is not ...})

    def hmac_of(self, secret: bytes, algorithm: str = "HS256") -> str:
        """Signed with what everybody knows."""
        digest = {"HS256": sha256, "HS384": sha384, "HS512": sha512}[algorithm]
        return self.write(lambda data: hmac.digest(secret, data, digest), alg=algorithm)

    def headed(self, header: bytes) -> str:
        """The good token behind another header."""
        return f"{b64(header)}.{self.token.split('.', 1)[1]}"

    @property
    def signature(self) -> bytes:
        """The good token's."""
        return unb64(self.token.rsplit(".", 1)[1])

    def with_signature(self, signature: bytes) -> str:
        """The good token with another signature."""
        return f"{self.token.rsplit('.', 1)[0]}.{b64(signature)}"


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    x = b64(key.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig"}


def _public(attacker: Attacker, encoding: Encoding, form: PublicFormat) -> bytes:
    return attacker.key.public.public_bytes(encoding, form)


def _rsa(algorithm: str) -> Callable[[Attacker], str]:
    return lambda attacker: jwt.encode(
        attacker.claims, RSA, algorithm, headers={"kid": attacker.key.kid, "typ": "at+jwt"}
    )


def _malleable(attacker: Attacker) -> str:
    """The good signature with S + L in the place of S."""
    r, s = attacker.signature[:32], int.from_bytes(attacker.signature[32:], "little")
    return attacker.with_signature(r + (s + L).to_bytes(32, "little"))


def _unused_bits(attacker: Attacker) -> str:
    """The last character says 2 bits and has 6: another one with the same 2."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return attacker.token[:-1] + alphabet[alphabet.index(attacker.token[-1]) + 1]


ALGORITHMS: dict[str, Callable[[Attacker], str]] = {
    **{
        f"alg {name}": lambda attacker, name=name: attacker.write(lambda _: b"", alg=name)
        for name in ("none", "None", "nOnE", "NONE", "")
    },
    "alg none, signature kept": lambda a: a.write(lambda _: a.signature, alg="none"),
    "alg left out": lambda a: a.signed(header={"typ": "at+jwt", "kid": a.key.kid}),
    "alg null": lambda a: a.signed(alg=None),
    "alg a list": lambda a: a.signed(alg=["EdDSA"]),
    "alg eddsa": lambda a: a.signed(alg="eddsa"),
    "alg Ed25519": lambda a: a.signed(alg="Ed25519"),
    "HS256 with the raw public key": lambda a: a.hmac_of(a.key.public.public_bytes_raw()),
    "HS256 with the public PEM": lambda a: a.hmac_of(
        _public(a, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ),
    "HS256 with the public DER": lambda a: a.hmac_of(
        _public(a, Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ),
    "HS256 with the public SSH key": lambda a: a.hmac_of(
        _public(a, Encoding.OpenSSH, PublicFormat.OpenSSH)
    ),
    "HS256 with the JWK": lambda a: a.hmac_of(json.dumps(_jwk(a.key.private)).encode()),
    "HS256 with the kid": lambda a: a.hmac_of(a.key.kid.encode()),
    "HS256 with nothing": lambda a: a.hmac_of(b""),
    "HS384": lambda a: a.hmac_of(a.key.public.public_bytes_raw(), "HS384"),
    "HS512": lambda a: a.hmac_of(a.key.public.public_bytes_raw(), "HS512"),
    "RS256": _rsa("RS256"),
    "PS256": _rsa("PS256"),
    "ES256": lambda a: jwt.encode(
        a.claims, new_ec_key(SECP256R1()), "ES256", headers={"kid": a.key.kid, "typ": "at+jwt"}
    ),
    "Ed448": lambda a: a.write(Ed448PrivateKey.generate().sign),
}

HEADERS: dict[str, Callable[[Attacker], str]] = {
    "a stranger's key under our kid": lambda a: a.forged(),
    "jwk of a stranger": lambda a: a.forged(jwk=_jwk(STRANGER)),
    "jwk of a stranger, no kid": lambda a: a.forged(
        header={"alg": "EdDSA", "typ": "at+jwt", "jwk": _jwk(STRANGER)}
    ),
    "jku of a stranger": lambda a: a.forged(jku="https://attacker.example/jwks.json"),
    "jku of our own": lambda a: a.signed(jku="http://localhost:8000/.well-known/jwks.json"),
    "x5u": lambda a: a.forged(x5u="https://attacker.example/cert.pem"),
    "x5c": lambda a: a.forged(x5c=["MIIB"]),
    "x5t": lambda a: a.forged(x5t="AAAA"),
    "jwk of ours, signed by us": lambda a: a.signed(jwk=_jwk(a.key.private)),
    "crit": lambda a: a.signed(crit=["exp"]),
    "crit, empty": lambda a: a.signed(crit=[]),
    "b64": lambda a: a.signed(b64=False, crit=["b64"]),
    "zip": lambda a: a.signed(zip="DEF"),
    "cty": lambda a: a.signed(cty="JWT"),
    "typ JWT": lambda a: a.signed(typ="JWT"),
    "typ of another kind of token": lambda a: a.signed(typ="rt+jwt"),
    "typ in capitals": lambda a: a.signed(typ="AT+JWT"),
    "typ null": lambda a: a.signed(typ=None),
    "typ left out": lambda a: a.signed(header={"alg": "EdDSA", "kid": a.key.kid}),
    "kid of a path": lambda a: a.signed(kid="../../dev/null"),
    "kid of SQL": lambda a: a.signed(kid="' OR 1=1 --"),
    "kid of more SQL": lambda a: a.signed(kid="x'; DROP TABLE signing_keys; --"),
    "kid with NUL": lambda a: a.signed(kid=f"{a.key.kid}\0"),
    "kid very long": lambda a: a.signed(kid="k" * 2000),
    "kid empty": lambda a: a.signed(kid=""),
    "kid in capitals": lambda a: a.signed(kid=a.key.kid.upper() + "Z"),
    "kid a number": lambda a: a.signed(kid=1),
    "kid a list": lambda a: a.signed(kid=[a.key.kid]),
    "kid an object": lambda a: a.signed(kid={"kid": a.key.kid}),
    "kid null": lambda a: a.signed(kid=None),
    "kid left out": lambda a: a.signed(header={"alg": "EdDSA", "typ": "at+jwt"}),
    "header a list": lambda a: a.signed(header=[a.header]),
    "header a text": lambda a: a.signed(header="EdDSA"),
    "header deep": lambda a: a.headed(b"[" * 1500),
    "header no JSON": lambda a: a.headed(b"{"),
    "header not UTF-8": lambda a: a.headed(b'{"alg":"\xff"}'),
}

CLAIMS: dict[str, Callable[[Attacker], str]] = {
    "iss of another": lambda a: a.saying(iss="https://attacker.example"),
    "iss empty": lambda a: a.saying(iss=""),
    "iss longer": lambda a: a.saying(iss="tandem "),
    "aud of another": lambda a: a.saying(aud="somebody-else"),
    "aud a list with ours": lambda a: a.saying(aud=["tandem-api"]),
    "aud a list with ours and others": lambda a: a.saying(aud=["somebody-else", "tandem-api"]),
    "aud empty list": lambda a: a.saying(aud=[]),
    "nbf in the future": lambda a: a.saying(nbf=a.claims["nbf"] + 60),
    "iat in the future": lambda a: a.saying(iat=a.claims["iat"] + 60, exp=a.claims["exp"]),
    "life too long": lambda a: a.saying(exp=a.claims["iat"] + 901),
    "life without end": lambda a: a.saying(exp=10**20),
    "ends before it begins": lambda a: a.saying(exp=a.claims["iat"] - 1),
    "role unknown": lambda a: a.saying(role="ROOT"),
    "role in small letters": lambda a: a.saying(role="admin"),
    "sub no id": lambda a: a.saying(sub="admin"),
    "sid no id": lambda a: a.saying(sid="' OR 1=1 --"),
    "jti no id": lambda a: a.saying(jti="1"),
    "claims a list": lambda a: a.signed([a.claims]),
    "claims a text": lambda a: a.signed("admin"),
    "expired, and forged": lambda a: a.forged({**a.claims, "exp": a.claims["iat"] - 60}),
    **{
        f"{claim} left out": lambda a, claim=claim: a.saying(**{claim: ...})
        for claim in ("iss", "aud", "sub", "sid", "jti", "role", "iat", "nbf", "exp")
    },
    **{
        f"{claim} {name}": lambda a, claim=claim, value=value: a.saying(**{claim: value})
        for claim in ("iss", "aud", "sub", "sid", "jti", "role", "iat", "nbf", "exp")
        for name, value in (
            ("null", None),
            ("true", True),
            ("an object", {"$gt": ""}),
            ("a list", [1]),
            ("of the other type", 1 if claim not in ("iat", "nbf", "exp") else "1900000000"),
            ("a fraction", 1.5),
        )
    },
}

TEXTS: dict[str, Callable[[Attacker], str]] = {
    "nothing": lambda _: "",
    "rubbish": lambda _: "rubbish",
    "two dots": lambda _: "..",
    "null": lambda _: "null",
    "refresh token": lambda a: a.person.refresh_token,
    "session id": lambda a: a.person.session_id,
    "API key that is none": lambda _: "tdm_" + "A" * 43,
    "mail token": lambda _: "tdp_" + "A" * 43,
    "S + L": _malleable,
    "unused bits of the last character": _unused_bits,
    "signature of zeros": lambda a: a.with_signature(bytes(64)),
    "signature of the neutral point": lambda a: a.with_signature(b"\x01" + bytes(63)),
    "signature of ones": lambda a: a.with_signature(b"\xff" * 64),
    "signature shorter": lambda a: a.with_signature(a.signature[:-1]),
    "signature longer": lambda a: a.with_signature(a.signature + b"\0"),
    "signature turned round": lambda a: a.with_signature(a.signature[32:] + a.signature[:32]),
    "signature empty": lambda a: a.token.rsplit(".", 1)[0] + ".",
    "100 KB": lambda a: a.token + "A" * 100_000,
    "100 KB of claims, signed by us": lambda a: a.saying(more="x" * 100_000),
    "5 KB of claims, signed by us": lambda a: a.saying(more="x" * 5_000),
    "dot before": lambda a: "." + a.token,
    "dot behind": lambda a: a.token + ".",
    "two dots between": lambda a: a.token.replace(".", "..", 1),
    "a fourth segment": lambda a: a.token + ".AAAA",
    "JWE": lambda a: ".".join(
        [b64(b'{"alg":"dir","enc":"A256GCM"}'), "", b64(bytes(12)), b64(bytes(99)), b64(bytes(16))]
    ),
    "JSON serialisation": lambda a: json.dumps(
        dict(zip(("protected", "payload", "signature"), a.token.split("."), strict=True))
    ),
    "space inside": lambda a: a.token[:40] + " " + a.token[40:],
    "tab before the signature": lambda a: a.token.replace(".", ".\t"),
    "space before a dot": lambda a: a.token.replace(".", " ."),
    "padding of the signature": lambda a: a.token + "==",
    "padding of the header": lambda a: a.token.replace(".", "=.", 1),
    "standard base64": lambda a: a.token[:-2] + "+/",
    "comma and another": lambda a: f"{a.token}, Bearer {a.token}",
    "scheme twice": lambda a: f"Bearer {a.token}",
    "quoted": lambda a: f'"{a.token}"',
    "percent-encoded": lambda a: a.token.replace(".", "%2E"),
    "no ASCII": lambda a: a.token + "é",
    "no ASCII alone": lambda _: "ｅｙＪ",
    "ones that look alike": lambda a: a.token.replace("e", "е", 1),
}
ATTACKS = {**ALGORITHMS, **HEADERS, **CLAIMS, **TEXTS}


@pytest.fixture
def attacker(user: Person, process: Process) -> Attacker:
    """Somebody with an account and bad intentions."""
    return Attacker(user, process.tokens.signing(process.clock()), process.clock())


def bearing(token: str, scheme: str = "Bearer") -> Any:
    """The header, in the bytes that go over the wire."""
    return {"Authorization": f"{scheme} {token}".encode()}


def answer_of(outcome: Outcome) -> Any:
    """A refusal without its time."""
    return {name: value for name, value in outcome.body.items() if name != "timestamp"}


async def refused_alike(faces: dict[str, Door], headers: Any) -> None:
    """Every face, on a private and on a public operation, says just what it says of rubbish."""
    for door in faces.values():
        for operation in ("users.me", "products.list"):
            same = {"X-Request-Id": "one-and-the-same"}
            outcome = await door.call(operation, headers={**headers, **same})
            assert (outcome.code, outcome.status) == ("UNAUTHENTICATED", 401), door
            assert outcome.headers["www-authenticate"] == 'Bearer error="invalid_token"'
            rubbish = await door.call(operation, headers={**bearing("rubbish"), **same})
            assert answer_of(outcome) == answer_of(rubbish)


@pytest.mark.parametrize("name", ATTACKS)
async def test_it_is_refused_on_every_face(
    faces: dict[str, Door], shop: Shop, attacker: Attacker, name: str
) -> None:
    token = ATTACKS[name](attacker)
    assert token != attacker.token
    async with shop.unchanged():
        await refused_alike(faces, bearing(token))
    for door in faces.values():  # the good one was not harmed by it
        assert (await door.call("users.me", caller=attacker.token)).ok


async def test_what_the_attacker_writes_is_good_when_nothing_is_changed(
    faces: dict[str, Door], attacker: Attacker
) -> None:
    """Else the tests above would prove nothing."""
    for door in faces.values():
        assert (await door.call("users.me", caller=attacker.saying(jti=new_id(attacker.now)))).ok


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR", "Bearer  "])
async def test_the_scheme_is_read_whatever_its_case(
    faces: dict[str, Door], attacker: Attacker, scheme: str
) -> None:
    for door in faces.values():
        assert (await door.call("users.me", headers=bearing(attacker.token, scheme))).ok


@pytest.mark.parametrize("scheme", ["Basic", "Token", "JWT", "BearerX", "Bearer:", "Bearer Bearer"])
async def test_another_scheme_is_refused(
    faces: dict[str, Door], attacker: Attacker, scheme: str
) -> None:
    await refused_alike(faces, bearing(attacker.token, scheme))


@pytest.mark.parametrize(
    "value", ["", " ", "Bearer", "{token}", "Bearer{token}", "Bearer\t{token}"]
)
async def test_a_header_without_a_bearer_token_is_refused(
    faces: dict[str, Door], attacker: Attacker, value: str
) -> None:
    await refused_alike(faces, {"Authorization": value.format(token=attacker.token).encode()})


async def test_two_authorization_headers_are_refused(
    client: httpx.AsyncClient, shop: Shop, attacker: Attacker, other_user: Person
) -> None:
    """A proxy might believe one of them and Tandem the other."""
    good, bad = f"Bearer {attacker.token}", "Bearer rubbish"
    asks: list[tuple[str, str, Any]] = [
        ("GET", "/api/v1/me", None),
        ("GET", "/api/v2/me", None),
        ("GET", "/api/v2/products", None),
        ("POST", "/graphql", {"query": "{ me { id } }"}),
        ("POST", "/graphql", {"query": "{ products { nodes { id } } }"}),
    ]
    other = f"Bearer {other_user.token}"
    async with shop.unchanged():
        for method, path, body in asks:
            for pair in ((good, bad), (bad, good), (good, good), (good, other)):
                headers = [("Authorization", value) for value in pair]
                answer = await client.request(method, path, json=body, headers=headers)
                assert answer.status_code == 401, (path, pair)
                assert "UNAUTHENTICATED" in answer.text
                assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_an_expired_token_is_told_only_when_it_is_genuine(
    faces: dict[str, Door], attacker: Attacker
) -> None:
    times = {name: attacker.claims[name] - 3600 for name in ("iat", "nbf", "exp")}
    genuine = attacker.saying(**times)
    for door in faces.values():
        for operation in ("users.me", "products.list"):
            outcome = await door.call(operation, caller=genuine)
            assert (outcome.code, outcome.status) == ("TOKEN_EXPIRED", 401)
            assert outcome.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    await refused_alike(faces, bearing(attacker.forged({**attacker.claims, **times})))
    await refused_alike(faces, bearing(attacker.saying(**times, aud="somebody-else")))


@pytest.fixture
async def retired(process: Process) -> SigningKey:
    """A key of ours that has done its work."""
    now = process.clock()
    key = new_key(now - timedelta(days=2), now - timedelta(days=2))
    seal = Seal(*process.settings.secrets)
    async with process.database.connection() as connection:
        await connection.execute(
            "INSERT INTO signing_keys VALUES ($1, $2, $3, $4, $4, $5)",
            key.kid,
            key.public.public_bytes_raw(),
            seal.close(key.kid, key.private.private_bytes_raw()),
            key.signs_from,
            now - timedelta(days=1),
        )
    await process.tokens.load()
    return key


async def test_a_retired_key_signs_nothing_any_more(
    faces: dict[str, Door], process: Process, attacker: Attacker, retired: SigningKey
) -> None:
    assert retired.kid in process.tokens._keys  # it is known, and refused all the same
    await refused_alike(faces, bearing(attacker.write(retired.private.sign, kid=retired.kid)))
    assert retired.kid not in {key["kid"] for key in process.tokens.jwks()["keys"]}


async def test_an_access_token_is_no_refresh_token(
    faces: dict[str, Door], shop: Shop, attacker: Attacker
) -> None:
    async with shop.unchanged():
        for operation in ("auth.refresh", "auth.logout"):
            outcomes = [
                await door.call(operation, {"refreshToken": attacker.token})
                for door in faces.values()
            ]
            assert len({(outcome.code, outcome.status) for outcome in outcomes}) == 1
            assert outcomes[0].code == "VALIDATION_FAILED"  # too long to be one


async def test_a_token_cut_anywhere_is_refused(faces: dict[str, Door], attacker: Attacker) -> None:
    token = attacker.token
    for end in {*range(0, len(token), 37), *(len(token) - short for short in range(1, 6))}:
        for door in faces.values():
            for piece in (token[:end], token[len(token) - end :]):
                outcome = await door.call("users.me", headers=bearing(piece))
                assert (outcome.code, outcome.status) == ("UNAUTHENTICATED", 401), (door, end)


def flipped(token: str) -> Iterator[str]:
    """The token with one bit changed: every bit of every segment."""
    segments = token.split(".")
    for place, segment in enumerate(segments):
        data = unb64(segment)
        for bit in range(len(data) * 8):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            yield ".".join([*segments[:place], b64(bytes(changed)), *segments[place + 1 :]])


async def test_a_token_with_any_bit_flipped_is_refused(
    process: Process, faces: dict[str, Door], attacker: Attacker
) -> None:
    tokens = list(flipped(attacker.token))
    assert len(tokens) > 2500
    now = process.clock()
    for token in tokens:
        with pytest.raises(Unauthenticated) as refusal:
            await process.tokens.verify(token, now)
        assert refusal.type is not TokenExpired
    for token in tokens[::500]:
        await refused_alike(faces, bearing(token))


async def test_a_token_with_any_character_changed_is_refused(
    process: Process, attacker: Attacker
) -> None:
    """Also where a careless decoder would read the same bytes."""
    token, now = attacker.token, process.clock()
    for place, character in enumerate(token):
        for other in "AZaz09-_=+/.\n %\u00e9":
            if other != character:
                with pytest.raises(Unauthenticated):
                    await process.tokens.verify(token[:place] + other + token[place + 1 :], now)
    for extra in ("\n", "\r\n", " ", "\0", "="):
        for text in (token + extra, extra + token):
            with pytest.raises(Unauthenticated):
                await process.tokens.verify(text, now)


async def test_clocks_may_lie_a_little_apart(
    faces: dict[str, Door], attacker: Attacker, clock: Clock
) -> None:
    """What another process issued a moment ago, by its clock a moment ahead, is good."""
    clock.forward(seconds=-3)
    for door in faces.values():
        assert (await door.call("users.me", caller=attacker.token)).ok
    clock.forward(minutes=-1)  # time goes on, on a busy machine by seconds
    await refused_alike(faces, bearing(attacker.token))


async def test_words_tell_a_missing_token_from_one_that_is_not_valid(
    client: httpx.AsyncClient, user: Person
) -> None:
    """The code is the same; the words are the same on every face."""
    sent = {
        "missing": {},
        "not valid": {"Authorization": f"Bearer {user.token}x"},
        "not valid, a key": {"Authorization": f"Bearer tdm_{'x' * 43}"},
        "no bearer": {"Authorization": "Basic eDp4"},
    }
    said = {}
    for name, headers in sent.items():
        v1 = (await client.get("/api/v1/me", headers=headers)).json()["error"]
        v2 = (await client.get("/api/v2/me", headers=headers)).json()
        answer = await client.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
        [error] = answer.json()["errors"]
        graphql = error["extensions"]
        assert v1["code"] == v2["code"] == graphql["code"] == "UNAUTHENTICATED"
        assert v1["message"] == v2["detail"] == graphql["detail"]
        said[name] = v2["detail"]
    assert "No token was sent" in said.pop("missing")
    [words] = set(said.values())
    assert "no valid token" in words
