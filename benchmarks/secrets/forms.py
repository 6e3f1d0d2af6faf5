"""What credentials look like, as those who issue them document it.

Written from the issuers' documentation, not from the rules of `claude_lsp.context`, which they
measure. A form is put together when it is drawn, so nothing in this file is a credential: braces
stand for random characters, such as `{A36}` for thirty-six letters and digits.
"""

from __future__ import annotations

import base64
import json
import re
import string
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_ALPHABETS = {
    "A": string.ascii_letters + string.digits,
    "a": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "u": string.ascii_letters + string.digits + "-_",
    "w": string.ascii_letters + string.digits + "_",
    "B": string.ascii_letters + string.digits + "+/",
    "d": string.digits,
    "2": string.ascii_uppercase + "234567",
    "p": string.ascii_letters + string.digits + "!#%^*-_+.~?",
}
_FIELD = re.compile(r"\{(\w+)\}")


class Form(NamedTuple):
    """One kind of credential.

    Attributes:
        group: the row of the report that counts it.
        name: what its variable is called, in snake case.
        template: its characters.
        source: where its issuer says so; for secrets without a form, where the name comes from.
        alone: whether it can be known without its name.
    """

    group: str
    name: str
    template: str
    source: str
    alone: bool = True


def draw(template: str, random_source: random.Random) -> str:
    """Return one credential of a form."""
    return _FIELD.sub(lambda match: _field(match[1], random_source), template)


def _field(field: str, source: random.Random) -> str:
    if made := _MADE.get(field):
        return made(source)
    alphabet, size = _ALPHABETS[field[0]], int(field[1:])
    characters = source.choices(alphabet, k=size)
    # What is drawn at random has digits and letters, from some length on.
    if size >= 12 and len(alphabet) > 16 and not any(c.isdigit() for c in characters):
        characters[size // 2] = source.choice("234567")
    return "".join(characters)


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _jwt(source: random.Random) -> str:
    head = json.dumps({"alg": source.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"})
    claims = {"sub": str(source.randrange(10**9)), "iat": 1_600_000_000 + source.randrange(10**8)}
    body = json.dumps(claims, separators=(",", ":"))
    return ".".join(_url64(part) for part in (head.encode(), body.encode(), source.randbytes(32)))


def _json64(source: random.Random) -> str:
    claims = {"o": str(source.randrange(10**6)), "n": "deploy", "k": source.randbytes(24).hex()}
    return base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")


def _uuid(source: random.Random) -> str:
    digits = source.randbytes(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _base64(size: int, source: random.Random) -> str:
    return base64.b64encode(source.randbytes(size)).decode()


_WORDS = [
    "amber",
    "birch",
    "copper",
    "delta",
    "ember",
    "falcon",
    "granite",
    "harbor",
    "indigo",
    "juniper",
    "kestrel",
    "lunar",
]


def _password(source: random.Random) -> str:
    """One as people and their password stores make them."""
    word = source.choice(_WORDS)
    marks = "!#%*-_+?"
    match source.randrange(4):
        case 0:
            return f"{word.title()}{source.randrange(100, 9999)}{source.choice(marks)}"
        case 1:
            return draw("{A7}", source) + source.choice(marks) + draw("{A8}", source) + "7q"
        case 2:
            second = source.choice(_WORDS)
            return f"{word}{source.choice('-_')}{second}{source.choice('-_')}{source.randrange(100, 999)}!"
        case _:
            return draw("{A20}", source) + "9Z"


_MADE: dict[str, Callable[[random.Random], str]] = {
    "jwt": _jwt,
    "json64": _json64,
    "uuid": _uuid,
    "password": _password,
    "b16": lambda source: _base64(16, source),
    "b32": lambda source: _base64(32, source),
    "b64": lambda source: _base64(64, source),
    "b300": lambda source: _base64(300, source),
}


def pem(source: random.Random, label: str, lines: int = 12, ending: str = "\n") -> str:
    """Return a private key in the armour of RFC 7468; its body is random."""
    body = [_base64(48, source) for _ in range(lines)] + [_base64(source.randrange(9, 30), source)]
    return ending.join([f"-----BEGIN {label}-----", *body, f"-----END {label}-----"])


PEM_LABELS = tuple(
    f"{kind}PRIVATE " + f"KEY{block}"
    for kind, block in (
        ("RSA ", ""),
        ("EC ", ""),
        ("", ""),
        ("OPENSSH ", ""),
        ("ENCRYPTED ", ""),
        ("DSA ", ""),
        ("PGP ", " BLOCK"),
    )
)


def _forms(group: str, source: str, *pairs: tuple[str, str], alone: bool = True) -> list[Form]:
    return [Form(group, name, template, source, alone) for name, template in pairs]


FORMS: tuple[Form, ...] = (
    *_forms("cloud keys", "docs.aws.amazon.com/IAM, identifiers and access keys",
            ("aws_access_key_id", "AKIA{216}"), ("aws_access_key_id", "ASIA{216}")),
    *_forms("cloud keys", "docs.aws.amazon.com/IAM, access keys",
            ("aws_secret_access_key", "{B38}{A2}"), ("aws_session_token", "IQoJb3JpZ2lu{b300}"), alone=False),
    *_forms("cloud keys", "docs.aws.amazon.com/bedrock, API keys", ("aws_bearer_token_bedrock", "ABSK{B132}")),
    *_forms("cloud keys", "cloud.google.com/docs/authentication/api-keys", ("google_api_key", "AIza{u35}")),
    *_forms("cloud keys", "developers.google.com/identity/protocols/oauth2",
            ("google_client_secret", "GOCSPX-{u28}"), ("access_token", "ya29.a0{u120}"),
            ("refresh_token", "1//0{A1}{u80}")),
    *_forms("cloud keys", "learn.microsoft.com/entra, client secrets", ("azure_client_secret", "{A3}8Q~{u34}")),
    *_forms("cloud keys", "learn.microsoft.com/azure/storage, account keys", ("storage_account_key", "{b64}"), alone=False),
    *_forms("cloud keys", "docs.digitalocean.com/reference/api", ("digitalocean_token", "dop_v1_{h64}")),
    *_forms("cloud keys", "alibabacloud.com/help/ram, AccessKey pairs", ("alibaba_access_key_id", "LTAI5t{A20}")),
    *_forms("cloud keys", "cloud.tencent.com/document, API keys", ("tencent_secret_id", "AKID{A32}")),
    *_forms("cloud keys", "developers.cloudflare.com/ssl/origin-configuration", ("origin_ca_key", "v1.0-{h24}-{h146}")),
    *_forms("cloud keys", "developers.cloudflare.com/fundamentals/api", ("cloudflare_api_token", "{u40}"), alone=False),
    *_forms("cloud keys", "devcenter.heroku.com/articles/authentication", ("heroku_api_key", "HRKU-AA{u58}")),
    *_forms("cloud keys", "fly.io/docs/security/tokens", ("fly_api_token", "FlyV1 fm2_{B120}")),
    *_forms("cloud keys", "developer.hashicorp.com/vault/docs/concepts/tokens", ("vault_token", "hvs.{u90}"), ("vault_token", "hvb.{u120}")),
    *_forms("cloud keys", "developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
            ("tfe_token", "{A14}.atlasv1.{u67}")),
    *_forms("cloud keys", "www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens", ("pulumi_access_token", "pul-{h40}")),
    *_forms("cloud keys", "supabase.com/docs/guides/api/api-keys", ("supabase_access_token", "sbp_{h40}"), ("supabase_secret_key", "sb_secret_{u31}")),
    *_forms("cloud keys", "planetscale.com/docs/concepts/service-tokens", ("planetscale_token", "pscale_tkn_{u43}"), ("planetscale_password", "pscale_pw_{u43}")),
    *_forms("cloud keys", "neon.tech/docs/manage/api-keys", ("neon_api_key", "napi_{a64}")),
    *_forms("cloud keys", "docs.netlify.com/cli", ("netlify_auth_token", "nfp_{A36}")),
    *_forms("cloud keys", "tailscale.com/kb/1085/auth-keys", ("tailscale_auth_key", "tskey-auth-{A11}CNTRL-{A32}")),
    *_forms("cloud keys", "docs.openshift.com, OAuth access tokens", ("openshift_token", "sha256~{u43}")),
    *_forms("code hosts and registries", "docs.github.com/authentication, token formats",
            ("github_token", "ghp_{A36}"), ("github_token", "gho_{A36}"), ("gh_token", "ghs_{A36}"),
            ("gh_token", "ghu_{A36}"), ("refresh", "ghr_{A76}"), ("github_pat", "github_pat_{A22}_{A59}"),
            ("gh_token", "ghs_{jwt}")),
    *_forms("code hosts and registries", "docs.gitlab.com/security/tokens",
            ("gitlab_token", "glpat-{u20}"), ("gitlab_token", "glpat-{u27}.01.{a9}"), ("deploy_token", "gldt-{u20}"),
            ("runner_token", "glrt-{u20}"), ("trigger_token", "glptt-{h40}"), ("job_token", "glcbt-64_{u20}"),
            ("feed_token", "glft-{u20}"), ("agent_token", "glagent-{u50}")),
    *_forms("code hosts and registries", "support.atlassian.com, API tokens",
            ("atlassian_api_token", "ATATT3xFfGF0{u176}={H8}"), ("bitbucket_app_password", "ATBB{A32}")),
    *_forms("code hosts and registries", "documentation of npm, access tokens", ("npm_token", "npm_{A36}")),
    *_forms("code hosts and registries", "help of the Python Package Index, API tokens", ("twine_password", "pypi-AgEIcHlwaS5vcmc{u150}")),
    *_forms("code hosts and registries", "guides of RubyGems, API keys", ("gem_host_api_key", "rubygems_{h48}")),
    *_forms("code hosts and registries", "Cargo book, publishing", ("cargo_registry_token", "cio{A32}")),
    *_forms("code hosts and registries", "learn.microsoft.com/nuget, API keys", ("nuget_api_key", "oy2{a43}")),
    *_forms("code hosts and registries", "docs.docker.com/security/access-tokens", ("docker_password", "dckr_pat_{u27}"), ("docker_password", "dckr_oat_{u32}")),
    *_forms("code hosts and registries", "wiki of Clojars, deploy tokens", ("clojars_password", "CLOJARS_{h60}")),
    *_forms("code hosts and registries", "jfrog.com/help, API keys", ("artifactory_api_key", "AKCp8{A68}")),
    *_forms("code hosts and registries", "docs.sonarsource.com, token types", ("sonar_token", "sqp_{h40}"), ("sonar_token", "squ_{h40}")),
    *_forms("code hosts and registries", "circleci.com/docs/managing-api-tokens", ("circle_token", "CCIPAT_{A22}_{h40}")),
    *_forms("code hosts and registries", "buildkite.com/docs/apis/managing-api-tokens", ("buildkite_api_token", "bkua_{h40}")),
    *_forms("code hosts and registries", "learn.microsoft.com/azure/devops, PATs", ("azure_devops_pat", "{A76}AZDO{A4}")),
    *_forms("code hosts and registries", "sourcegraph.com/docs, access tokens", ("src_access_token", "sgp_{h16}_{h40}")),
    *_forms("AI services", "docs.anthropic.com/api/getting-started",
            ("anthropic_api_key", "sk-ant-api03-{u93}AA"), ("anthropic_admin_key", "sk-ant-admin01-{u93}AA")),
    *_forms("AI services", "platform.openai.com/docs/api-reference/authentication",
            ("openai_api_key", "sk-proj-{u74}T3BlbkFJ{u74}"), ("openai_api_key", "sk-{A20}T3BlbkFJ{A20}"),
            ("openai_api_key", "sk-svcacct-{u74}T3BlbkFJ{u74}")),
    *_forms("AI services", "openrouter.ai/docs/api-reference/authentication", ("openrouter_api_key", "sk-or-v1-{h64}")),
    *_forms("AI services", "api-docs.deepseek.com", ("deepseek_api_key", "sk-{h32}")),
    *_forms("AI services", "huggingface.co/docs/hub/security-tokens", ("hf_token", "hf_{A34}")),
    *_forms("AI services", "replicate.com/docs/topics/security/api-tokens", ("replicate_api_token", "r8_{A37}")),
    *_forms("AI services", "console.groq.com/docs", ("groq_api_key", "gsk_{A52}")),
    *_forms("AI services", "docs.x.ai", ("xai_api_key", "xai-{A80}")),
    *_forms("AI services", "docs.perplexity.ai", ("pplx_api_key", "pplx-{A48}")),
    *_forms("AI services", "docs.nvidia.com/nim", ("nvidia_api_key", "nvapi-{u64}")),
    *_forms("AI services", "docs.langchain.com/langsmith", ("langsmith_api_key", "lsv2_pt_{h32}_{h10}")),
    *_forms("AI services", "docs.mistral.ai, docs.cohere.com: without a prefix", ("mistral_api_key", "{A32}"), ("co_api_key", "{A40}"), alone=False),
    *_forms("AI services", "docs.wandb.ai: without a prefix", ("wandb_api_key", "{h40}"), alone=False),
    *_forms("payment, mail and chat", "docs.stripe.com/keys",
            ("stripe_secret_key", "sk_live_{A24}"), ("stripe_secret_key", "sk_test_51{A97}"),
            ("stripe_restricted_key", "rk_live_{A99}"), ("stripe_webhook_secret", "whsec_{A32}")),
    *_forms("payment, mail and chat", "developer.squareup.com/docs/build-basics/access-tokens",
            ("square_access_token", "EAAA{u60}"), ("square_secret", "sq0csp-{u43}")),
    *_forms("payment, mail and chat", "developer.paypal.com/braintree", ("braintree_token", "access_token$production${a16}${h32}")),
    *_forms("payment, mail and chat", "razorpay.com/docs/api/authentication", ("razorpay_key_secret", "{A24}"), alone=False),
    *_forms("payment, mail and chat", "plaid.com/docs/api/tokens", ("plaid_access_token", "access-production-{uuid}")),
    *_forms("payment, mail and chat", "shopify.dev/docs/apps/build/authentication-authorization",
            ("shopify_access_token", "shpat_{h32}"), ("shopify_api_secret", "shpss_{h32}")),
    *_forms("payment, mail and chat", "developer.flutterwave.com/docs/api-keys", ("flutterwave_secret_key", "FLWSECK-{h32}-X")),
    *_forms("payment, mail and chat", "docs.easypost.com/docs/authentication", ("easypost_api_key", "EZAK{a54}")),
    *_forms("payment, mail and chat", "docs.sendgrid.com, api-keys", ("sendgrid_api_key", "SG.{u22}.{u43}")),
    *_forms("payment, mail and chat", "documentation.mailgun.com, API keys", ("mailgun_api_key", "key-{h32}")),
    *_forms("payment, mail and chat", "mailchimp.com/developer, API keys", ("mailchimp_api_key", "{h32}-us12")),
    *_forms("payment, mail and chat", "developers.brevo.com", ("brevo_api_key", "xkeysib-{h64}-{A16}")),
    *_forms("payment, mail and chat", "resend.com/docs", ("resend_api_key", "re_{A8}_{A24}")),
    *_forms("payment, mail and chat", "www.twilio.com/docs/iam/api-keys", ("twilio_api_key", "SK{h32}")),
    *_forms("payment, mail and chat", "www.twilio.com/docs/usage/secure-credentials: without a prefix", ("twilio_auth_token", "{h32}"), alone=False),
    *_forms("payment, mail and chat", "docs.slack.dev/authentication/tokens",
            ("slack_bot_token", "xoxb-{d12}-{d13}-{A24}"), ("slack_user_token", "xoxp-{d12}-{d12}-{d13}-{h32}"),
            ("slack_app_token", "xapp-1-A{U10}-{d13}-{h64}"), ("slack_refresh_token", "xoxe-1-{A146}"),
            ("slack_config_token", "xoxe.xoxp-1-{A163}")),
    *_forms("payment, mail and chat", "core.telegram.org/bots/api", ("telegram_bot_token", "{d10}:AA{u33}")),
    *_forms("payment, mail and chat", "discord.com/developers/docs/reference", ("discord_token", "MTA{A21}.G{u5}.{u38}")),
    *_forms("observability and tools", "grafana.com/docs/grafana/administration/service-accounts",
            ("grafana_token", "glsa_{A32}_{h8}"), ("grafana_cloud_token", "glc_{json64}")),
    *_forms("observability and tools", "docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys", ("new_relic_api_key", "NRAK-{U27}"), ("new_relic_insights_key", "NRII-{u32}")),
    *_forms("observability and tools", "docs.datadoghq.com/account_management/api-app-keys", ("dd_api_key", "{h32}"), ("datadog_app_key", "{h40}"), alone=False),
    *_forms("observability and tools", "docs.dynatrace.com, access tokens", ("dynatrace_api_token", "dt0c01.{U24}.{U64}")),
    *_forms("observability and tools", "docs.sentry.io/account/auth-tokens", ("sentry_auth_token", "sntrys_{json64}_{u43}"), ("sentry_auth_token", "sntryu_{h64}")),
    *_forms("observability and tools", "docs.honeycomb.io, API keys", ("honeycomb_api_key", "hcaik_{a26}{a32}")),
    *_forms("observability and tools", "docs.databricks.com/dev-tools/auth/pat", ("databricks_token", "dapi{h32}")),
    *_forms("observability and tools", "docs.doppler.com/docs/service-tokens", ("doppler_token", "dp.pt.{A43}"), ("doppler_token", "dp.st.prd.{A40}")),
    *_forms("observability and tools", "linear.app/developers", ("linear_api_key", "lin_api_{A40}")),
    *_forms("observability and tools", "developers.notion.com, changelog of token formats", ("notion_token", "ntn_{A46}"), ("notion_token", "secret_{A43}")),
    *_forms("observability and tools", "www.figma.com/developers/api", ("figma_token", "figd_{u40}")),
    *_forms("observability and tools", "airtable.com/developers/web/api/authentication", ("airtable_token", "pat{A14}.{h64}")),
    *_forms("observability and tools", "learning.postman.com/docs/developer/postman-api", ("postman_api_key", "PMAK-{h24}-{h34}")),
    *_forms("observability and tools", "developers.hubspot.com/docs/api/private-apps", ("hubspot_token", "pat-na1-{uuid}")),
    *_forms("observability and tools", "docs.mapbox.com/accounts/guides/tokens", ("mapbox_secret_token", "sk.eyJ1Ijoi{A60}.{A22}")),
    *_forms("observability and tools", "docs.launchdarkly.com, API access tokens", ("launchdarkly_sdk_key", "sdk-{uuid}")),
    *_forms("observability and tools", "www.contentful.com/developers/docs", ("contentful_token", "CFPAT-{u43}")),
    *_forms("observability and tools", "docs.prefect.io, API keys", ("prefect_api_key", "pnu_{a36}")),
    *_forms("observability and tools", "www.dropbox.com/developers/reference/auth-types", ("dropbox_access_token", "sl.{u140}")),
    *_forms("observability and tools", "developers.facebook.com/docs/facebook-login/guides/access-tokens", ("facebook_access_token", "EAA{A160}")),
    *_forms("observability and tools", "developer.x.com, bearer tokens", ("twitter_bearer_token", "AAAAAAAAAAAAAAAAAAAAA{A70}")),
    *_forms("observability and tools", "developer.1password.com/docs/service-accounts", ("op_service_account_token", "ops_eyJ{A300}")),
    *_forms("observability and tools", "github.com/FiloSottile/age", ("sops_age_key", "AGE-SECRET-KEY-1{U58}")),
    *_forms("observability and tools", "www.wireguard.com/quickstart: 32 bytes in base64", ("private_key", "{b32}"), alone=False),
    *_forms("JWT", "RFC 7519", ("id_token", "{jwt}"), ("session", "{jwt}"), ("service_role", "{jwt}")),
    *_forms("passwords in code", "names of variables in public code",
            ("password", "{password}"), ("db_password", "{password}"), ("admin_password", "{password}"),
            ("smtp_pass", "{password}"), ("passwd", "{password}"), ("postgres_password", "{password}"),
            ("keystore_passphrase", "{password}"), ("user_pwd", "{password}"), alone=False),
    *_forms("keys and tokens by name", "names of variables in public code",
            ("api_key", "{A32}"), ("secret_key", "{h64}"), ("client_secret", "{u40}"), ("auth_token", "{A40}"),
            ("jwt_secret", "{B44}"), ("encryption_key", "{b32}"), ("session_secret", "{A48}"), ("access_token", "{u64}"),
            ("signing_secret", "{h32}"), ("private_token", "{A20}"), ("cookie_secret", "{b32}"), ("app_secret", "{h32}"),
            ("master_key", "{h32}"), ("webhook_secret", "{A24}"), ("refresh_token", "{u80}"), ("consumer_secret", "{A50}"), alone=False),
)  # fmt: skip
