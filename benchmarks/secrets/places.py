"""Where credentials stand in real projects: lines of configuration, code, notebooks and logs.

A line names its secret by `SNAKE`, `UPPER`, `CAMEL`, `PASCAL` or `KEBAB` and has `VALUE` in its place.
"""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A file with one line for a secret.

    Attributes:
        path: the file.
        line: what holds the secret; may be several lines.
        before: what stands above it.
        after: what stands below.
    """

    path: str
    line: str
    before: str = ""
    after: str = ""


NAMED: tuple[Place, ...] = (
    Place("settings.py", 'UPPER = "VALUE"', "import os\n\nDEBUG = False\n", "ALLOWED_HOSTS = ['*']\n"),
    Place("app/config.py", "    SNAKE: str = 'VALUE'", "class Settings(BaseSettings):\n    region: str = 'eu'\n", "    timeout: int = 30\n"),
    Place("client.py", 'client = Client(region="eu-west-1", SNAKE="VALUE", retries=3)', "from service import Client\n\n", "print(client.ping())\n"),
    Place("conf.py", 'config["SNAKE"] = "VALUE"', "config = {}\n", "config['debug'] = True\n"),
    Place("env.py", 'os.environ.setdefault("UPPER", "VALUE")', "import os\n\n", "main()\n"),
    Place("getenv.py", 'value = os.getenv("UPPER", "VALUE")', "import os\n\n", "print(len(value))\n"),
    Place("tests/conftest.py", '    monkeypatch.setenv("UPPER", "VALUE")', "@pytest.fixture\ndef environment(monkeypatch):\n", "    yield\n"),
    Place("config/example.env.txt", "UPPER=VALUE", "# copy to .env\nLOG_LEVEL=info\n", "PORT=8080\n"),
    Place("config/quoted.env.txt", 'UPPER="VALUE"', "LOG_LEVEL=info\n", "PORT=8080\n"),
    Place("deploy.sh", "export UPPER=VALUE", "#!/bin/sh\nset -eu\n", "kubectl apply -f k8s/\n"),
    Place("run.sh", "UPPER='VALUE' ./run --fast", "#!/bin/sh\n", "echo done\n"),
    Place("Dockerfile", "ENV UPPER=VALUE", "FROM python:3.13-slim\nWORKDIR /app\n", 'CMD ["python", "-m", "app"]\n'),
    Place("Dockerfile.build", "ARG UPPER=VALUE", "FROM node:24\n", "RUN npm ci\n"),
    Place("docker-compose.yml", "      - UPPER=VALUE", "services:\n  web:\n    image: web:1.2\n    environment:\n", "    ports: ['8080:8080']\n"),
    Place("compose.yaml", "      UPPER: VALUE", "services:\n  db:\n    environment:\n", "    restart: always\n"),
    Place("k8s/deployment.yaml", '            - name: UPPER\n              value: "VALUE"', "spec:\n  containers:\n    - name: app\n      env:\n", "            - name: PORT\n              value: \"80\"\n"),
    Place("config.yml", "  SNAKE: VALUE", "production:\n  host: db.internal\n", "  pool: 5\n"),
    Place("values.yaml", '  CAMEL: "VALUE"', "service:\n  type: ClusterIP\nauth:\n", "replicas: 2\n"),
    Place(".github/workflows/deploy.yml", "          UPPER: VALUE", "jobs:\n  deploy:\n    steps:\n      - run: ./deploy\n        env:\n", "      - run: echo ok\n"),
    Place("config.json", '  "SNAKE": "VALUE",', '{\n  "host": "localhost",\n', '  "port": 5432\n}\n'),
    Place("appsettings.json", '    "PASCAL": "VALUE"', '{\n  "Logging": {"Level": "Warning"},\n  "Auth": {\n', "  }\n}\n"),
    Place("local.json", '{"CAMEL":"VALUE","retries":3}'),
    Place("pyproject-like.toml", 'SNAKE = "VALUE"', "[service]\nhost = 'example.internal'\n", "timeout = 30\n"),
    Place("app.ini", "SNAKE = VALUE", "[server]\nhost = 10.0.0.4\n", "threads = 4\n"),
    Place("application.properties", "app.KEBAB=VALUE", "spring.application.name=shop\n", "server.port=8080\n"),
    Place("main.tf", '  SNAKE = "VALUE"', 'provider "service" {\n  region = "eu-west-1"\n', "}\n"),
    Place("variables.tf", '  default = "VALUE"', 'variable "SNAKE" {\n  type = string\n', "}\n"),
    Place("src/config.js", "const CAMEL = 'VALUE';", "'use strict';\n", "module.exports = { CAMEL };\n"),
    Place("src/client.ts", '  CAMEL: "VALUE",', "export const options = {\n  timeout: 1000,\n", "};\n"),
    Place("src/env.mjs", 'const CAMEL = process.env.UPPER || "VALUE";', "import { start } from './start.mjs';\n", "start(CAMEL);\n"),
    Place("src/env.ts", 'const CAMEL = process.env.UPPER ?? "VALUE";', "", "start(CAMEL);\n"),
    Place("src/Config.java", '    private static final String UPPER = "VALUE";', "public class Config {\n", "}\n"),
    Place("src/Client.java", '        this.client = builder.CAMEL("VALUE").build();', "class Client {\n    Client() {\n", "    }\n}\n"),
    Place("config.go", 'const CAMEL = "VALUE"', "package config\n\n", "const timeout = 30\n"),
    Place("main.go", '\tcfg := Config{PASCAL: "VALUE", Retries: 3}', "func main() {\n", "\trun(cfg)\n}\n"),
    Place("vars.go", '\tCAMEL := "VALUE"', "func dial() error {\n", "\treturn nil\n}\n"),
    Place("src/lib.rs", 'const UPPER: &str = "VALUE";', "use std::env;\n\n", "fn main() {}\n"),
    Place("config.php", "    'SNAKE' => 'VALUE',", "<?php\nreturn [\n    'debug' => false,\n", "];\n"),
    Place("wp-config.php", "define('UPPER', 'VALUE');", "<?php\n", "$table_prefix = 'wp_';\n"),
    Place("config/initializers/service.rb", '  config.SNAKE = "VALUE"', "Service.configure do |config|\n", "end\n"),
    Place("Settings.cs", '    public const string PASCAL = "VALUE";', "static class Settings\n{\n", "}\n"),
    Place("config.h", '#define UPPER "VALUE"', "#pragma once\n", "#define PORT 8080\n"),
    Place("Config.kt", '    const val UPPER = "VALUE"', "object Config {\n", "}\n"),
    Place("Config.swift", '    static let CAMEL = "VALUE"', "enum Config {\n", "}\n"),
    Place("web.config", '    <add key="PASCAL" value="VALUE" />', "<configuration>\n  <appSettings>\n", "  </appSettings>\n</configuration>\n"),
    Place("settings.xml", "      <CAMEL>VALUE</CAMEL>", "<settings>\n  <server>\n      <id>central</id>\n", "  </server>\n</settings>\n"),
    Place("README.md", "    export UPPER=VALUE", "# Service\n\nTo run it:\n\n", "    make run\n"),
    Place("NOTES.md", "SNAKE: `VALUE`", "Staging\n\n", "\nRemember to rotate.\n"),
    Place("deploy.log", "2026-03-01T10:00:00Z DEBUG starting with UPPER=VALUE region=eu", "", "2026-03-01T10:00:01Z INFO ready\n"),
    Place("call.sh", "service login --KEBAB VALUE --region eu", "#!/bin/sh\n", "service list\n"),
    Place("call2.sh", "service login --KEBAB=VALUE", "#!/bin/sh\n", "service list\n"),
    Place("change.diff", '+UPPER = "VALUE"', "--- a/settings.py\n+++ b/settings.py\n@@ -1,2 +1,3 @@\n DEBUG = False\n", " PORT = 80\n"),
    Place("analysis.ipynb", '    "os.environ[\\"UPPER\\"] = \\"VALUE\\"\\n",', '{"cells": [{"cell_type": "code", "source": [\n', '    "import pandas as pd\\n"]}]}\n'),
    Place("output.ipynb", "      \"text\": [\"environ({'HOME': '/root', 'UPPER': 'VALUE', 'LANG': 'C'})\\n\"]", '{"cells": [{"cell_type": "code", "outputs": [{\n', "}]}]}\n"),
    Place("query.http", "GET https://api.example.internal/v1/items?SNAKE=VALUE&limit=10", "### list\n", "\n"),
    Place("Vagrantfile", "    SNAKE: 'VALUE',", "Vagrant.configure('2') do |config|\n  config.vm.provision 'ansible', extra_vars: {\n", "  }\nend\n"),
    Place("group_vars/all.yml", "vault_SNAKE: 'VALUE'", "---\nansible_user: deploy\n", "ntp: pool.ntp.org\n"),
    Place("serverless.yml", "    UPPER: VALUE", "provider:\n  name: aws\n  environment:\n", "    STAGE: prod\n"),
    Place("Config.lua", 'local SNAKE = "VALUE"', "", "return {}\n"),
    Place("script.ps1", "$PASCAL = 'VALUE'", "", "Write-Output ok\n"),
    Place("env.ps1", '$env:UPPER = "VALUE"', "", "Write-Output ok\n"),
)  # fmt: skip

UNNAMED: tuple[Place, ...] = (
    Place("scripts/fetch.py", 'client = Client("VALUE")', "from service import Client\n\n", "print(client.items())\n"),
    Place("scripts/old.py", "# was: VALUE until March", "import sys\n", "sys.exit(0)\n"),
    Place("src/keys.js", '  ["prod", "VALUE"],', "const table = [\n", "];\n"),
    Place("notes.txt", "VALUE", "for staging:\n", "\nask Kim\n"),
    Place("server.log", "INFO sent VALUE to upstream in 12 ms", "", "INFO ready\n"),
    Place("cells.ipynb", '      "text/plain": ["\'VALUE\'"]', '{"cells": [{"outputs": [{"data": {\n', "}}]}]}\n"),
    Place("fixture.yaml", "  - VALUE", "used:\n", "kept: 3\n"),
    Place("table.md", "| prod | VALUE | 2026 |", "| where | what | since |\n| --- | --- | --- |\n", "\n"),
    Place("Makefile", "\tcurl -s -H 'X-Auth: VALUE' https://api.example.internal/", "deploy:\n", "\t@echo done\n"),
)  # fmt: skip

HEADERS: tuple[Place, ...] = (
    Place("call.sh", 'curl -H "Authorization: Bearer VALUE" https://api.example.internal/v1'),
    Place("api.py", 'headers = {"Authorization": "Bearer VALUE", "Accept": "application/json"}'),
    Place("api.ts", "    headers: { Authorization: `Bearer VALUE` },"),
    Place("requests.http", "Authorization: Bearer VALUE", "GET /v1/items HTTP/1.1\nHost: api.example.internal\n"),
    Place("api.go", '\treq.Header.Set("Authorization", "Bearer VALUE")'),
    Place("api.rb", 'request["Authorization"] = "Token VALUE"'),
    Place("api2.sh", "curl -H 'X-API-Key: VALUE' https://api.example.internal/v1"),
    Place("api2.py", 'session.headers["X-Api-Key"] = "VALUE"'),
    Place("api3.py", 'requests.get(url, headers={"X-Auth-Token": "VALUE"})'),
    Place("basic.http", "Authorization: Basic BASIC"),
    Place("basic.py", 'headers = {"Authorization": "Basic BASIC"}'),
    Place("user.sh", "curl -u deploy:VALUE https://files.example.internal/build.zip"),
    Place("user2.sh", "curl --user 'deploy:VALUE' https://files.example.internal/build.zip"),
    Place("wget.sh", "wget --http-password=VALUE --http-user=deploy https://files.example.internal/"),
    Place("auth.py", 'requests.get(url, auth=("deploy", "VALUE"))'),
)  # fmt: skip

CONNECTIONS: tuple[Place, ...] = (
    Place("settings.py", 'DATABASE_URL = "postgres://shop:VALUE@db.internal:5432/shop"'),
    Place("alembic.ini", "sqlalchemy.url = postgresql+psycopg2://shop:VALUE@localhost/shop"),
    Place("compose.yml", "      DATABASE_URL: mysql://root:VALUE@mysql:3306/shop"),
    Place("db.js", "mongoose.connect('mongodb+srv://shop:VALUE@cluster0.ab1cd.mongodb.net/shop');"),
    Place("cache.rb", 'Redis.new(url: "redis://:VALUE@cache.internal:6379/0")'),
    Place("queue.yaml", "broker: amqp://worker:VALUE@rabbit.internal:5672/jobs"),
    Place("clickhouse.txt", "clickhouse://reader:VALUE@ch.internal:9000/logs"),
    Place("appsettings.json", '"Default": "Server=db;Database=shop;User Id=shop;Password=VALUE;Encrypt=true"'),
    Place("web.config", '<add name="Db" connectionString="Data Source=db;Initial Catalog=shop;User ID=sa;Password=VALUE" />'),
    Place("odbc.py", 'cnxn = pyodbc.connect("DRIVER={SQL Server};SERVER=db;UID=sa;PWD=VALUE")'),
    Place("pg.py", 'psycopg.connect("host=db dbname=shop user=shop password=VALUE connect_timeout=10")'),
    Place("jdbc.properties", "url=jdbc:mysql://db:3306/shop?user=shop&password=VALUE"),
    Place("jdbc2.properties", "url=jdbc:postgresql://db/shop?user=shop&password=VALUE&ssl=true"),
    Place("smtp.py", 'EMAIL_URL = "smtp://mailer:VALUE@smtp.example.internal:587"'),
    Place("pip.conf", "index-url = https://deploy:VALUE@packages.example.internal/simple"),
    Place("git.sh", "git clone https://bot:VALUE@git.example.internal/team/app.git"),
    Place("ftp.txt", "ftp://upload:VALUE@files.example.internal/in"),
    Place("mysql.sh", "mysql -h db -u root -pVALUE shop < dump.sql"),
    Place("psql.sh", "PGPASSWORD=VALUE psql -h db -U shop"),
    Place("sshpass.sh", "sshpass -p 'VALUE' ssh deploy@host"),
    Place("netrc.txt", "machine api.example.internal login deploy password VALUE"),
    Place("users.sql", "CREATE USER shop WITH PASSWORD 'VALUE';"),
    Place("grant.sql", "CREATE USER 'shop'@'%' IDENTIFIED BY 'VALUE';"),
    Place("alter.sql", "ALTER ROLE shop WITH LOGIN PASSWORD 'VALUE';"),
    Place("proxy.sh", "export HTTPS_PROXY=http://proxyuser:VALUE@proxy.internal:3128"),
)  # fmt: skip

AZURE: tuple[Place, ...] = (
    Place("storage.py", 'conn = "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=KEY64;EndpointSuffix=core.windows.net"'),
    Place("bus.json", '"Bus": "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=KEY32"'),
    Place("cosmos.env.txt", "COSMOS=AccountEndpoint=https://shop.documents.azure.com:443/;AccountKey=KEY64;"),
    Place("iot.txt", "HostName=shop.azure-devices.net;SharedAccessKeyName=owner;SharedAccessKey=KEY32"),
    Place("sas.py", 'url = "https://shop.blob.core.windows.net/in?sv=2024-11-04&se=2027-01-01&sr=c&sp=rl&sig=SIG"'),
)  # fmt: skip

WEBHOOKS: tuple[Place, ...] = (
    Place("notify.py", 'HOOK = "https://hooks.slack.com/services/VALUE"'),
    Place("notify.yml", "  url: https://hooks.slack.com/services/VALUE"),
    Place("discord.js", "const hook = 'https://discord.com/api/webhooks/DISCORD';"),
    Place("teams.json", '"hook": "https://shop.webhook.office.com/webhookb2/TEAMS"'),
    Place("telegram.sh", "curl https://api.telegram.org/botTELEGRAM/getMe"),
)  # fmt: skip

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
  - name: prod
    cluster:
      server: https://10.0.0.1:6443
      certificate-authority-data: CERTIFICATE
users:
  - name: admin
    user:
      SECRET
current-context: prod
"""

KUBERNETES_SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: shop
  labels:
    app: shop
type: Opaque
data:
  SECRET
"""

TERRAFORM_KEY = """\
resource "tls" "key" {
  content = <<EOT
SECRET
EOT
}
"""
