"""Files with what looks like a secret and is none, each word of it known to the character."""

from __future__ import annotations

import base64
import hashlib
import random
from typing import TYPE_CHECKING

from benchmarks.secrets.corpus import SEED, Page
from benchmarks.secrets.forms import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VERBS = [
    "get",
    "load",
    "find",
    "parse",
    "build",
    "create",
    "resolve",
    "validate",
    "refresh",
    "revoke",
    "store",
    "encode",
]
_THINGS = [
    "Password",
    "Token",
    "Secret",
    "Credential",
    "ApiKey",
    "AccessKey",
    "PrivateKey",
    "Session",
    "Login",
    "Signature",
    "Passphrase",
    "Authorization",
]
_ENDS = [
    "Provider",
    "Factory",
    "Service",
    "Handler",
    "Repository",
    "Field",
    "Label",
    "Policy",
    "Store",
    "Error",
    "Type",
    "Name",
]

# Group, file, template with VALUE, and what stands there. More lines of each kind are made by
# drawing again.
_DRAWN: tuple[tuple[str, str, str, str], ...] = (
    ("hashes", "hashes.py", 'SHA256 = "VALUE"', "{h64}"),
    ("hashes", "sums.txt", "VALUE  dist/app-1.2.tar.gz", "{h64}"),
    ("hashes", "etag.http", 'ETag: "VALUE"', "{h32}"),
    ("hashes", "brew.rb", '  sha256 "VALUE"', "{h64}"),
    ("hashes", "manifest.json", '  "digest": "sha256:VALUE",', "{h64}"),
    ("hashes", "md5.js", "const checksum = 'VALUE';", "{h32}"),
    ("hashes", "cache.yml", "  key: build-VALUE", "{h40}"),
    ("hashes", "cache.py", 'cache_key = "VALUE"', "{h32}"),
    ("hashes", "fingerprint.txt", "SHA256:VALUE deploy@host (ED25519)", "{B43}"),
    ("hashes", "Dockerfile", "FROM python:3.13@sha256:VALUE", "{h64}"),
    ("hashes", "nix.nix", '  hash = "sha256-VALUE";', "{b32}"),
    ("hashes", "stored.sql", "-- content_hash VALUE", "{h40}"),
    ("git", "ci.yml", "      - uses: actions/checkout@VALUE", "{h40}"),
    ("git", "log.txt", "commit VALUE", "{h40}"),
    ("git", "index.diff", "index VALUE 100644", "{h7}..{h7}"),
    ("git", "deps.toml", 'tool = { git = "https://git.example.internal/x", rev = "VALUE" }', "{h40}"),
    ("git", "hooks.yaml", "    rev: VALUE", "{h40}"),
    ("git", "version.py", 'COMMIT = "VALUE"', "{h40}"),
    ("lock files", "package-lock.txt", '      "integrity": "sha512-VALUE",', "{b64}"),
    ("lock files", "yarn.txt", "  integrity sha512-VALUE", "{b64}"),
    ("lock files", "poetry.txt", '    {file = "x-1.0-py3-none-any.whl", hash = "sha256:VALUE"},', "{h64}"),
    ("lock files", "requirements.txt", "    --hash=sha256:VALUE", "{h64}"),
    ("lock files", "gosum.txt", "example.internal/x v1.4.0 h1:VALUE", "{b32}"),
    ("lock files", "cargo.txt", 'checksum = "VALUE"', "{h64}"),
    ("lock files", "page.html", '<script src="/a.js" integrity="sha384-VALUE"></script>', "{B64}"),
    ("identifiers", "ids.json", '  "id": "VALUE",', "{uuid}"),
    ("identifiers", "ids.sql", "INSERT INTO users VALUES ('VALUE', 'Kim');", "{uuid}"),
    ("identifiers", "trace.log", "INFO request_id=VALUE took 12 ms", "{uuid}"),
    ("identifiers", "span.log", "INFO trace=VALUE span=1", "{h32}"),
    ("identifiers", "object.js", "const id = ObjectId('VALUE');", "{h24}"),
    ("identifiers", "main.tf", '  ami = "ami-VALUE"', "{h17}"),
    ("identifiers", "subnet.tf", '  subnet_id = "subnet-VALUE"', "{h17}"),
    ("identifiers", "arn.yaml", "  role: arn:aws:iam::123456789012:role/VALUE", "{a24}"),
    ("identifiers", "tenant.cs", 'const string TenantId = "VALUE";', "{uuid}"),
    ("identifiers", "client.ts", "  clientId: 'VALUE',", "{uuid}"),
    ("identifiers", "keyid.yaml", "  access_key_id_path: /vault/VALUE", "{a20}"),
    ("identifiers", "kms.tf", '  kms_key_id = "VALUE"', "{uuid}"),
    ("identifiers", "secret_id.tf", '  secret_id = "VALUE"', "prod/shop/{a12}"),
    ("identifiers", "sheet.py", 'SHEET = "https://docs.google.com/spreadsheets/d/VALUE/edit"', "{u44}"),
    ("identifiers", "video.md", "https://www.youtube.com/watch?v=VALUE", "{u11}"),
    ("identifiers", "ga.html", "gtag('config', 'G-VALUE');", "{U10}"),
    ("identifiers", "price.ts", "const price = 'price_VALUE';", "1{A23}"),
    ("identifiers", "publishable.ts", "const product = 'prod_VALUE';", "{A14}"),
    ("identifiers", "slug.md", "see /posts/2026/how-we-rotate-VALUE", "{a12}"),
    ("images and fonts", "style.css", "  background: url(data:image/png;base64,VALUE);", "iVBORw0KGgoAAAANSUhEUgAA{B300}"),
    ("images and fonts", "font.css", "  src: url(data:font/woff2;base64,VALUE);", "d09GMgABAAAAA{B300}"),
    ("images and fonts", "icon.tsx", "const icon = 'data:image/svg+xml;base64,VALUE';", "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcv{B200}"),
    ("images and fonts", "notebook.ipynb", '      "image/png": "VALUE\\n"', "iVBORw0KGgoAAAANSUhEUgAA{B300}"),
    ("images and fonts", "path.svg", '<path d="VALUE"/>', "M{d2}.{d2}c-{d1}.{d3}-{d1}.{d2} {d1}.{d2}-{d1}.{d2}z"),
    ("images and fonts", "gif.js", "img.src = 'data:image/gif;base64,VALUE';", "R0lGODlhAQABAIAAAA{B60}"),
    ("minified code", "app.min.js", "!function(e,t){VALUE}(this,1);", "var {A2}={A3}({d3}),{A2}=e.{A4}(t.{A3},{d2});return {A2}?{A3}:{A4}"),
    ("minified code", "chunk.js", '(self.webpackChunk=self.webpackChunk||[]).push([[{N}],{"VALUE":(e,t,n)=>{}}]);', "{h20}"),
    ("minified code", "map.json", '{"version":3,"mappings":"VALUE"}', "AAAA,{A4}SAAS,{A5};EACE,{A4},{A6}"),
    ("minified code", "module.css", ".button_VALUE { color: red; }", "{A5}__{A5}"),
    ("minified code", "bundle.html", '<script src="/static/js/main.VALUE.chunk.js"></script>', "{h8}"),
    ("colours", "theme.css", "  --accent: VALUE;", "#{h6}"),
    ("colours", "theme.scss", "$key-colour: VALUE;", "#{h6}"),
    ("colours", "theme.json", '  "tokenColor": "VALUE",', "#{h8}"),
    ("colours", "theme.toml", 'key_color = "VALUE"', "#{h6}"),
    ("colours", "tokens.ts", "  colorTokenPrimary: 'VALUE',", "#{h6}"),
    ("public keys", "known_hosts.txt", "git.example.internal ssh-ed25519 VALUE", "AAAAC3NzaC1lZDI1NTE5AAAAI{B43}"),
    ("public keys", "authorized.txt", "ssh-rsa VALUE kim@host", "AAAAB3NzaC1yc2EAAAADAQABAAABgQ{B340}"),
    ("public keys", "certificate.txt", "-----BEGIN CERTIFICATE-----\nVALUE\n-----END CERTIFICATE-----", "MIID{B60}"),
    ("public keys", "public.txt", "-----BEGIN PUBLIC KEY-----\nVALUE\n-----END PUBLIC KEY-----", "MIIB{B60}"),
    ("public keys", "kube.yaml", "    certificate-authority-data: VALUE", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t{B200}"),
    ("public keys", "wg.conf.txt", "PublicKey = VALUE", "{b32}"),
    ("public keys", "vapid.ts", "const publicKey = 'VALUE';", "B{u86}"),
    ("public keys", "age.txt", "recipient: VALUE", "age1{a58}"),
    ("test data", "test_login.py", 'client.login("kim", password="VALUE")', "password"),
    ("test data", "test_api.py", 'headers = {"Authorization": "Bearer VALUE"}', "test-token"),
    ("test data", "factory.rb", '  password { "VALUE" }', "secret"),
    ("test data", "example.env.txt", "API_KEY=VALUE", "your-api-key-here"),
    ("test data", "docs.md", '    api_key = "VALUE"', "YOUR_API_KEY"),
    ("test data", "sample.yml", "  password: VALUE", "changeme"),
    ("test data", "fake.js", "const token = 'VALUE';", "fake-token-for-tests"),
    ("test data", "dummy.go", 'secret := "VALUE"', "dummy-secret"),
    ("test data", "stub.java", 'String password = "VALUE";', "pass"),
    ("test data", "doc.py", 'token = "VALUE"', "<token>"),
    ("test data", "doc.sh", "export API_TOKEN=VALUE", "xxxxxxxxxxxxxxxxxxxx"),
    ("test data", "template.yml", "  password: VALUE", "{{ .Values.dbPassword }}"),
    ("test data", "action.yml", "          token: VALUE", "${{ secrets.DEPLOY_TOKEN }}"),
    ("test data", "shell.sh", "curl -H \"Authorization: Bearer VALUE\" https://x.example", "$API_TOKEN"),
    ("test data", "url.py", 'URL = "postgres://VALUE@localhost/shop"', "user:password"),
    ("numbers and dates", "usage.json", '  "max_output_tokens": VALUE,', "{d6}"),
    ("numbers and dates", "tokens.py", "total_tokens = VALUE", "{d7}"),
    ("numbers and dates", "timeout.yml", "  password_reset_timeout: VALUE", "{d6}"),
    ("numbers and dates", "data.csv", "kim,VALUE,2026-03-01T10:00:00Z", "{d10}"),
    ("numbers and dates", "version.toml", 'version = "VALUE"', "1.{d2}.{d2}-rc.{d1}+build.{d5}"),
    ("numbers and dates", "stamp.log", "2026-03-01 VALUE INFO token refreshed", "1{d2}:{d2}:{d2}.{d6}"),
    ("keys of mappings", "i18n.json", '  "VALUE": "Forgotten your password?",', "auth.password.forgotten.{a8}"),
    ("keys of mappings", "redis.py", 'key = "VALUE"', "session:{d6}:profile"),
    ("keys of mappings", "s3.py", 'object_key = "VALUE"', "uploads/2026/03/{a12}.parquet"),
    ("keys of mappings", "dynamo.ts", "const partitionKey = 'VALUE';", "tenant#{d5}"),
    ("keys of mappings", "react.tsx", '<Row key="VALUE" />', "row-{d4}"),
    ("keys of mappings", "kafka.yml", "  message_key: VALUE", "order.{d6}.created"),
    ("keys of mappings", "queue.py", 'routing_key = "VALUE"', "orders.eu.{d4}"),
    ("keys of mappings", "jira.md", "fixes VALUE", "KEY-{d4}"),
    ("keys of mappings", "translate.js", 't("VALUE")', "login.token_expired_{d2}"),
    ("keys of mappings", "hot.kt", 'const val SHORTCUT_KEY = "VALUE"', "Ctrl+Shift+{d1}"),
)  # fmt: skip

_CODE = r"""
password = form.cleaned_data["password"]
password_hash = make_password(raw_password, salt=None, hasher="default")
token = await client.get_token("https://management.example/.default")
if token.type == TokenType.IDENTIFIER and token.value == "password":
secret = hmac.new(key, message, hashlib.sha256).hexdigest()
api_key = settings.API_KEY or os.environ.get("SHOP_API_KEY", "")
self._access_token: str | None = None
raise PasswordTooShortError(min_length=12, password_validators=validators)
access_token = response.json()["access_token"]
const { accessToken, refreshToken } = await this.authService.login(dto);
private readonly passwordEncoder: BCryptPasswordEncoder;
export const selectAuthToken = (state: RootState) => state.auth.token;
return jwt.sign({ sub: user.id }, process.env.JWT_SECRET!, { expiresIn: '15m' });
secretKeyRef: { name: shop-secrets, key: database-password }
PASSWORD_RESET_TIMEOUT_DAYS = 3
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]
<input type="password" name="new_password1" autocomplete="new-password" required id="id_new_password1">
<PasswordField source="passwordConfirmation" helperText="auth.password.repeat" />
GRANT SELECT ON tokens TO reader; ALTER TABLE users ADD COLUMN password_digest varchar(255);
def check_password(encoded: str, password: str, *, setter: Callable[[str], None] | None = None) -> bool:
token_url: https://login.example.internal/oauth2/v2.0/token
token_endpoint = urljoin(issuer, "/oauth2/token")
key = lambda item: (item.priority, item.created_at)
PrivateKey privateKey = keyFactory.generatePrivate(new PKCS8EncodedKeySpec(bytes));
signing_key = jwks_client.get_signing_key_from_jwt(token).key
var credentials = new DefaultAzureCredential(includeInteractiveCredentials: true);
let token = tokens.peek().ok_or(ParseError::UnexpectedEnd)?;
#define TOKEN_LEFT_PAREN_WITH_SPACE_BEFORE 0x1F
public_key = load_pem_public_key(path.read_bytes())
secrets: [db_password, api_token, tls_certificate]
kubectl create secret generic shop --from-file=tls.key --from-literal=user=shop
docker login -u "$REGISTRY_USER" --password-stdin registry.example.internal
--api-key-file=/run/secrets/api-key --token-auth-file=/etc/kubernetes/tokens.csv
password: !vault |
password_policy = "length:12,upper:1,digit:1"
The token is refreshed 5 minutes before it expires, see TokenRefreshStrategy2.
secret_name = "prod/shop/database-credentials"
SecretManagerServiceClient.access_secret_version(name=f"{parent}/versions/latest")
token_type_hint=refresh_token&token_format=opaque
unauthorized: "Invalid username or password. 3 attempts left."
keyring.get_password("claude-lsp", getpass.getuser())
csrf_token = request.META.get("CSRF_COOKIE")
<meta name="csrf-token" content="<%= csrf_meta_tags %>">
login(username: $username, password: $password) { token refreshToken expiresAt }
mutation.mutate({ password: values.newPassword, token: params.resetToken })
""".strip().splitlines()


def innocent(seed: int = SEED) -> list[Page]:
    """Return the files without secrets."""
    source = random.Random(seed + 1)
    return [*_drawn(source), *_code(), *_names(source), *_fixtures(source)]


def _drawn(source: random.Random, each: int = 20) -> Iterator[Page]:
    for group, path, line, template in _DRAWN:
        page = Page(path)
        for _ in range(each if "{" in template else 1):
            value = template if group == "test data" else draw(template, source)
            line_now = line.replace("{N}", str(source.randrange(1000)))
            page.add(line_now + "\n", (group, path, "VALUE", value))
        yield page


def _code() -> Iterator[Page]:
    """Code about secrets: every word of a line counts."""
    for number, line in enumerate(_CODE):
        page = Page(f"code_{number}.txt")
        for word in line.split():
            page.add("VALUE ", ("code about secrets", word, "VALUE", word))
        page.add("\n")
        yield page


def _names(source: random.Random) -> Iterator[Page]:
    """Long names that hold telling words, as values, calls and types."""
    page = Page("names.ts")
    for verb in _VERBS:
        for thing in _THINGS:
            end = source.choice(_ENDS)
            name = f"{verb}{thing}{end}"
            other = f"{thing[0].lower()}{thing[1:]}{end}"
            line = source.choice(
                (
                    "const VALUE = useCallback(() => dispatch(reset()), []);",
                    f"  {other}: VALUE,",
                    f'  {other} = "VALUE"',
                    "import { VALUE } from './auth';",
                    f"    return this.{other}.VALUE(request);",
                )
            )
            page.add(line + "\n", ("long names", name, "VALUE", name))
    yield page


def _fixtures(source: random.Random) -> Iterator[Page]:
    """Values of tests that are digests of something public."""
    makers: tuple[Callable[[bytes], str], ...] = (
        lambda data: hashlib.sha256(data).hexdigest(),
        lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        lambda data: base64.b64encode(data).decode(),
    )
    page = Page("test_digests.py")
    for number in range(60):
        value = makers[number % 3](source.randbytes(30))
        line = source.choice(
            ('assert digest(b"abc") == "VALUE"', '("case", "VALUE"),', '    expected = "VALUE"')
        )
        page.add(line + "\n", ("test data", "digest", "VALUE", value))
    yield page
