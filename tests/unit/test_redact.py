from __future__ import annotations

import base64
import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.context.redact import Redactor, redact, without_torn

# No secret stands here: each is put together when the tests run, from a fixed seed.
_random = random.Random(20)


def noise(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return random text that has a digit, a small and a capital letter."""
    return "".join(_random.choices(alphabet, k=size - 3)) + "7aB"


def digits16(size: int) -> str:
    return "".join(_random.choices("0123456789abcdef", k=size - 2)) + "a1"


def url_safe(size: int) -> str:
    return noise(size, string.ascii_letters + string.digits + "-_")


def segment(size: int) -> str:
    return base64.urlsafe_b64encode(_random.randbytes(size)).decode().rstrip("=")


def block(lines: int) -> str:
    return "\n".join(base64.b64encode(_random.randbytes(48)).decode() for _ in range(lines))


PRIVATE = "PRIVATE" + " KEY-----"
PEM = "-----BEGIN RSA " + PRIVATE + "\n" + block(6) + "\n-----END RSA " + PRIVATE

BY_FORM: list[tuple[str, str]] = [
    ("anthropic-key", "sk-" + "ant-api03-" + url_safe(95)),
    ("anthropic-key", "sk-" + "ant-oat01-" + url_safe(60)),
    ("openai-key", "sk-" + "proj-" + url_safe(100)),
    ("openai-key", "sk-" + "svcacct-" + url_safe(60)),
    ("openai-key", "sk-" + noise(20) + "T3Blbk" + "FJ" + noise(20)),
    ("openai-key", "sk-" + "or-v1-" + digits16(64)),
    ("aws-access-key", "AK" + "IA" + noise(16, string.ascii_uppercase + "234567").upper()[:16]),
    ("aws-access-key", "AS" + "IA" + noise(16, string.ascii_uppercase + "234567").upper()[:16]),
    ("github-token", "gh" + "p_" + noise(36)),
    ("github-token", "gh" + "o_" + noise(36)),
    ("github-token", "gh" + "s_" + noise(36)),
    ("github-token", "github" + "_pat_" + noise(22) + "_" + noise(59)),
    ("gitlab-token", "gl" + "pat-" + url_safe(20)),
    ("gitlab-token", "gl" + "rt-" + url_safe(20)),
    ("slack-token", "xo" + "xb-" + "123456789012-1234567890123-" + noise(24)),
    ("slack-token", "xa" + "pp-1-A0123456789-1234567890123-" + digits16(64)),
    ("stripe-key", "sk_" + "live_" + noise(24)),
    ("stripe-key", "rk_" + "test_" + noise(99)),
    ("stripe-key", "wh" + "sec_" + noise(32)),
    ("google-key", "AI" + "za" + url_safe(35)[:33] + "aZ"),
    ("google-key", "GOC" + "SPX-" + url_safe(28)),
    ("npm-token", "np" + "m_" + noise(36)),
    ("pypi-token", "py" + "pi-AgEIcHlwaS5vcmc" + url_safe(80)),
    ("huggingface-token", "h" + "f_" + noise(34)),
    ("sendgrid-key", "S" + "G." + noise(22) + "." + noise(43)),
    ("twilio-key", "S" + "K" + digits16(32)),
    ("digitalocean-token", "dop" + "_v1_" + digits16(64)),
    ("vault-token", "hv" + "s." + noise(24)),
    ("jwt", "ey" + "J" + segment(20) + ".ey" + "J" + segment(40) + "." + segment(32)),
]
PASSWORD = "hT" + "7!kq" + "92Lm"
TOKEN = noise(32)

# Around each: what a rule must find is put in the place of @.
BY_PLACE: list[tuple[str, str, str]] = [
    ("azure-key", "AccountName=x;Account" + "Key=@;EndpointSuffix=core", noise(86) + "=="),
    ("azure-key", "https://x.blob.example/c?sv=2020&si" + "g=@&se=2030", noise(43) + "%3D"),
    ("slack-webhook", "https://hooks.slack" + ".com/services/@", "T0/B0/" + noise(24)),
    ("aws-secret-key", 'aws_secret_access_key = "@"', noise(38) + "/+"),
    ("aws-secret-key", "AWS_SECRET_ACCESS_KEY=@", noise(40)),
    ("database-password", "postgres://app:@@db.internal:5432/app", PASSWORD.replace("!", "x")),
    ("database-password", 'url = "mongodb+srv://app:@@cluster0.example.net/x"', noise(12)),
    ("database-password", "redis://:@@cache:6379/0", noise(20)),
    ("url-password", "https://robot:@@git.example.com/x.git", noise(20)),
    ("authorization", 'headers = {"Authorization": "Bearer @"}', noise(40)),
    ("authorization", "curl -H 'Authorization: Basic @'", segment(24)),
    ("authorization", "Authorization: token @", digits16(40)),
    ("password", 'password = "@"', PASSWORD),
    ("password", "DB_PASSWORD=@", PASSWORD.replace("!", "")),
    ("password", "  password: @", PASSWORD),
    ("password", '"password": "@",', PASSWORD),
    ("password", "passphrase := `@`", PASSWORD),
    ("password", 'client.login(user="me", passwd="@")', PASSWORD),
    ("password", 'conn.setPassword("@");', PASSWORD),
    ("password", "$cfg[\"db_password\"] = '@';", PASSWORD),
    ("password", 'password: str = "@"', PASSWORD),
    ("password", 'db_pwd = "hun' + '@"', "ter2x9"),
    ("secret", 'api_key = "@"', TOKEN),
    ("secret", "const apiKey = '@';", TOKEN),
    ("secret", "API_KEY=@", TOKEN),
    ("secret", "export SERVICE_TOKEN=@", TOKEN),
    ("secret", 'SECRET_KEY = "@"', "django-insecure-" + noise(34)),
    ("secret", "client_secret: @", TOKEN),
    ("secret", '{"clientSecret": "@"}', TOKEN),
    ("secret", '{"x-api-key": "@"}', TOKEN),
    ("secret", "signing_key=@", digits16(64)),
    ("secret", "<token>@</token>", TOKEN),
    ("secret", "deploy --token @ --verbose", TOKEN),
    ("secret", "deploy --api-key=@ --verbose", TOKEN),
]

INNOCENT = r"""
password = get_password()
password = input("Password: ")
password: str
password: str = ""
password: Optional[str] = None
self.password = password
def login(user: str, password: str = "", *, token: str | None = None) -> Token: ...
if password == "":
token = tokens[index]
token: Token = next(self.tokens)
token = self.next_token(kind="identifier")
token_type = "access_token"
TOKEN_NAME = "csrfmiddlewaretoken"
secret_key = os.environ["SECRET_KEY"]
secret = settings.SECRET_KEY
SECRET_KEY=${SECRET_KEY}
SECRET_KEY=$SECRET_KEY
password: ${{ secrets.NPM_PASSWORD }}
password: {{ vault_password }}
api_key = "YOUR_API_KEY"
api_key = "<your key>"
api_key="xxxxxxxxxxxxxxxx"
password = "changeme"
"password": "Passwort vergessen?"
"passwordLabel": "forms.password.label"
<input type="password" name="password" id="password1">
<label for="password">Password</label>
--password PASSWORD   the password to use
key = "primary_key"
keys = sorted(mapping, key=lambda item: item[1])
public_key = "ssh-rsa AAAA"
access_key_id = row.access_key_id
primaryKey: true
tokenizer = "cl100k_base"
max_tokens = 4096
max_tokens: 128000
"max_output_tokens": 8192,
token_count=1234567
password_hash = hashlib.sha256(data).hexdigest()
PASSWORD_FIELD = "user_password2"
TOKEN_URL = "https://example.com/oauth2/token"
credentials_file = "/etc/app/credentials.json"
secret_name = "prod/db-3/main"
sk-circle sk-chase-dot sk-learn
from sklearn import svm
hf_hub_download(repo_id="a/b", filename="config.json")
npm_config_registry=https://registry.example.org
git clone https://github.com/user/repo.git
url = f"postgres://{user}:{password}@{host}/{name}"
url = "postgres://user:password@localhost/db"
see https://example.com:8080/a@b and http://[::1]:80/
time 12:30@noon user@example.com a:b@c
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
commit 3f785e4a1b2c3d4e5f60718293a4b5c6d7e8f901
integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"
id = "550e8400-e29b-41d4-a716-446655440000"
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
if "-----BEGIN" in text and "PRIVATE KEY" in text:
Authorization: Bearer <token>
headers["Authorization"] = f"Bearer {token}"
headers["Authorization"] = "Bearer " + token
raise AuthorizationError("Authorization: the token is missing")
""".strip().splitlines()


@pytest.mark.parametrize(("kind", "secret"), [*BY_FORM, ("private-key", PEM)])
@pytest.mark.parametrize("around", ["@", 'x = "@"', "see (@), ok", "A=@\nB=1\n", "- '@'"])
def test_a_secret_is_known_by_its_form(kind: str, secret: str, around: str) -> None:
    text = around.replace("@", secret)
    answer = redact(text)
    assert secret not in answer.text
    start, end = around.split("@")
    breaks = "\n" * secret.count("\n")
    assert answer.text == f"{start}<redacted:{kind}>{breaks}{end}"
    assert [found.kind for found in answer.found] == [kind]
    assert text[answer.found[0].start : answer.found[0].end] == secret


@pytest.mark.parametrize(("kind", "template", "secret"), BY_PLACE)
def test_a_secret_is_known_by_what_stands_beside_it(kind: str, template: str, secret: str) -> None:
    place = template.index("@")
    text = template[:place] + secret + template[place + 1 :]
    for whole in (text, f"first\n{text}\nlast", f"a = 1\r\n    {text}\r\n"):
        answer = redact(whole)
        assert secret not in answer.text
        assert [found.kind for found in answer.found] == [kind]
        assert answer.found[0].line == whole[: answer.found[0].start].count("\n")
        assert redact(answer.text).text == answer.text


@pytest.mark.parametrize("line", INNOCENT)
def test_code_about_secrets_is_left_alone(line: str) -> None:
    for text in (line, f"    {line}\n"):
        answer = redact(text)
        assert (answer.text, answer.found) == (text, ())


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_private_key_keeps_its_lines(ending: str) -> None:
    text = f'KEY = """{PEM}"""\nafter = 1\n'.replace("\n", ending)
    answer = redact(text)
    assert answer.text == f'KEY = """<redacted:private-key>{ending * 7}"""{ending}after = 1{ending}'


def test_a_private_key_that_a_window_cuts_off_is_taken_out_all_the_same() -> None:
    lines = PEM.split("\n")
    for part in (lines[:4], lines[3:]):
        text = "\n".join(part)
        answer = redact(text)
        assert answer.text.count("\n") == text.count("\n")
        assert not any(line in answer.text for line in lines[1:-1])


@pytest.mark.parametrize(
    "text",
    [
        f'KEY = """{PEM}"""\n',
        f'password =\n  "{PASSWORD}"\n',
        f'"token":\n  "{TOKEN}",\n',
        f"AWS_SECRET_ACCESS_KEY=\n{TOKEN}{TOKEN[:8]}\n",
        f'"Authorization":\n "Bearer {TOKEN}"\n',
    ],
    ids=["private key", "password", "token", "aws", "authorization"],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_what_is_torn_by_a_cut_is_taken_out_before_it(text: str, ending: str) -> None:
    text = f"before = 1\n{text}after = 2\n".replace("\n", ending)
    whole = without_torn(text)
    lines, found = whole.split(ending), text.split(ending)
    assert len(lines) == len(found)
    assert (lines[0], lines[-2]) == ("before = 1", "after = 2")
    for start in range(len(lines)):
        for size in (1, 3, 9):
            part = redact(ending.join(lines[start : start + size])).text
            assert not any(each in part for each in (PASSWORD, TOKEN, *PEM.split("\n")[1:-1]))


def test_what_no_cut_can_tear_is_left_for_later() -> None:
    text = "".join(f"{line.replace('@', secret, 1)}\n" for _, line, secret in BY_PLACE)
    assert without_torn(text) == text
    assert without_torn("\n".join(INNOCENT)) == "\n".join(INNOCENT)


def test_a_private_key_on_one_line_is_taken_out() -> None:
    text = '{"private_key": "' + PEM.replace("\n", "\\n") + '\\n", "id": 1}'
    assert redact(text).text == '{"private_key": "<redacted:private-key>\\n", "id": 1}'


def test_the_same_secret_has_one_name_and_others_are_numbered() -> None:
    first, second = "gh" + "p_" + noise(36), "gh" + "p_" + noise(36)
    text = f"{first} {second} {first}"
    one, two = "<redacted:github-token>", "<redacted:github-token-2>"
    assert redact(text).text == f"{one} {two} {one}"
    redactor = Redactor()
    assert redactor.redact(second).text == one
    assert redactor.redact(text).text == f"{two} {one} {two}"


def test_offsets_lead_from_one_text_to_the_other_and_back() -> None:
    key, password = "gh" + "p_" + noise(36), PASSWORD
    text = f'a = "{key}"\nb = """{PEM}"""\npassword = "{password}"\nend'
    answer = redact(text)
    for word in ("a =", "b =", "password", "end"):
        original, redacted = text.index(word), answer.text.index(word)
        assert answer.to_original(redacted) == original
        assert answer.to_redacted(original) == redacted
    assert answer.to_original(answer.text.index("github")) == text.index(key)
    assert answer.restore(answer.text) == text


def test_what_two_rules_claim_is_one_secret() -> None:
    secret = "gh" + "p_" + noise(36)
    answer = redact(f'github_token = "{secret}"')
    assert answer.text == 'github_token = "<redacted:github-token>"'
    assert len(answer.found) == 1


def test_what_a_text_says_by_itself_never_becomes_a_secret() -> None:
    key, other = "gh" + "p_" + noise(36), "gh" + "p_" + noise(36)
    text = f'said = "<redacted:github-token>"\nkey = "{key}"\n'
    redactor = Redactor()
    assert redactor.redact(key).text == "<redacted:github-token>"
    answer = redactor.redact(text)
    assert answer.text == text.replace(key, "<redacted:github-token-2>")
    assert answer.restore(answer.text) == text
    assert redactor.redact(key).text == "<redacted:github-token-2>"
    assert redactor.redact(other).text == "<redacted:github-token-3>"


@pytest.mark.parametrize(
    ("answered", "restored"),
    [
        ("f(<redacted:password>)", f"f({PASSWORD})"),
        ("f(<redacted:password>, <redacted:password>)", f"f({PASSWORD}, {PASSWORD})"),
        ("f(<redacted:said>)", "f(<redacted:said>)"),
        ("f(<redacted:password-2>)", None),
        ("f(<redacted:jwt>)", None),
        ("f(<redacted:private-key>)", None),
        ("f(<redacted:private-key>\n\n\n\n\n\n\n)", f"f({PEM})"),
        ("f(redacted:password)", "f(redacted:password)"),
    ],
    ids=["kept", "twice", "said", "number", "kind", "lines lost", "lines kept", "no name"],
)
def test_nothing_comes_back_that_was_not_there(answered: str, restored: str | None) -> None:
    text = f'# <redacted:said>\npassword = "{PASSWORD}"\nkey = """{PEM}"""\n'
    assert redact(text).restore(answered) == restored


pieces = st.one_of(
    st.sampled_from([secret for _, secret in BY_FORM] + [PEM, *PEM.split("\n")]),
    st.sampled_from([t[: t.index("@")] + s + t[t.index("@") + 1 :] for _, t, s in BY_PLACE]),
    st.sampled_from(INNOCENT),
    st.sampled_from([*"\n\r:=@'\"`/<>() ;,.-", "\r\n", "://", "password", "token=", "İ", "\\n"]),
    st.sampled_from(["<redacted:jwt>", "<redacted:secret-2>", "https://a:", "Bearer ", "sk-"]),
    st.text(max_size=12),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=10).map("".join))
def test_redacting_twice_changes_nothing_and_lines_stay(text: str) -> None:
    answer = redact(text)
    assert redact(answer.text).text == answer.text
    assert answer.restore(answer.text) == text
    breaks = re.compile(r"\r\n|\n|\r")
    assert breaks.findall(answer.text) == breaks.findall(text)
    for found in answer.found:
        assert 0 <= found.start < found.end <= len(text)
        assert found.line == len(breaks.findall(text[: found.start]))


@pytest.mark.parametrize(
    "unit",
    [
        *("a", f"-----BEGIN {PRIVATE}\n", "password=", "://a:", "eyJ", "curl -u a:", "machine "),
        *("key {default=", "auth=('a', '", "kind: Secret\ndata:\n a: b\n", "Oi8v", "MT.", "A1A"),
        *("password value: ", "x?token=", "AKIA", "identified by '"),
    ],
)
def test_long_hostile_texts_end(unit: str) -> None:
    redact(unit * (50_000 // len(unit)))
    redact("-----BEGIN PRIVATE " + "KEY-----" + "A" * 200_000)
    redact("A" * 200_000 + "\n" + "PRIVATE")
