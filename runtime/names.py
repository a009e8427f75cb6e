"""Names that all parts of the cluster agree on: services, ports, environment variables, paths, queues."""

import re
from typing import Final

# Services of the swarm, and the ports that they answer on.
RABBITMQ_SERVICE: Final = "oodt-rabbitmq"
FILEMGR_SERVICE: Final = "oodt-filemgr"
WMGR_SERVICE: Final = "oodt-wmgr"
STATUS_SERVICE: Final = "oodt-status"
SWARM_SERVICE: Final = "oodt-swarm"
PROMETHEUS_SERVICE: Final = "oodt-prometheus"
REGISTRY_SERVICE: Final = "registry"
NETWORK: Final = "swarm-network"

# Docker volumes on the manager, where services keep their state.
RABBITMQ_VOLUME: Final = "rabbitmq-data"
FILEMGR_VOLUME: Final = "filemgr-data"
STATUS_VOLUME: Final = "status-data"
PROMETHEUS_VOLUME: Final = "prometheus-data"
REGISTRY_VOLUME: Final = "registry-data"

AMQP_PORT: Final = 5672
MANAGEMENT_PORT: Final = 15672
FILEMGR_PORT: Final = 9000
GATEWAY_PORT: Final = 9001
CONSUMER_METRICS_PORT: Final = 9002
WMGR_PORT: Final = 8001
STATUS_PORT: Final = 8080
PROMETHEUS_PORT: Final = 9090
REGISTRY_PORT: Final = 5000
# The File Manager in a container that tries a job. The gateway is there too, and has the usual port.
TRIED_FILEMGR_PORT: Final = 8000

# RabbitMQ: one user for messages, one for administration; everything lives in the default virtual host.
MESSAGE_USER: Final = "oodt-user"
ADMIN_USER: Final = "oodt-admin"
VIRTUAL_HOST: Final = "/"
EXCHANGE: Final = "oodt-exchange"
EVENTS_EXCHANGE: Final = "oodt.events"
STATUS_QUEUE: Final = "oodt.status"
FACTS_EXCHANGE: Final = "oodt.facts"
FACTS_QUEUE: Final = "oodt.facts"
WISHES_QUEUE: Final = "oodt.wishes"
FOLLOWER_QUEUES: Final = "oodt.wait."

# Environment of a Workflow Manager container. Scripts rely on these names, which OODT and the original have.
OODT_HOME: Final = "OODT_HOME"
OODT_CONFIG: Final = "OODT_CONFIG"
OODT_ARCHIVE: Final = "OODT_ARCHIVE"
OODT_JOBS: Final = "OODT_JOBS"
FILEMGR_URL: Final = "FILEMGR_URL"
WORKFLOW_URL: Final = "WORKFLOW_URL"
PROXIED_WORKFLOW_URL: Final = "PROXIED_WORKFLOW_URL"
RABBITMQ_USER_URL: Final = "RABBITMQ_USER_URL"
RABBITMQ_ADMIN_URL: Final = "RABBITMQ_ADMIN_URL"
WORKFLOW_QUEUE: Final = "WORKFLOW_QUEUE"
MAX_WORKFLOWS: Final = "MAX_WORKFLOWS"
# The rest of its environment. These names are this project's own.
PROXIED_FILEMGR_URL: Final = "PROXIED_FILEMGR_URL"
PROXY: Final = "PROXY"
MAX_ATTEMPTS: Final = "MAX_ATTEMPTS"
JOB_TIMEOUT: Final = "JOB_TIMEOUT"
EVENTS: Final = "EVENTS"
OODT_LEDGER: Final = "OODT_LEDGER"
OODT_RUN_DIR: Final = "OODT_RUN_DIR"
NODE_NAME: Final = "NODE_NAME"
STOP_GRACE_SECONDS: Final = "STOP_GRACE_SECONDS"
LEASE_SECONDS: Final = "LEASE_SECONDS"

# Environment of the status service, and of the commands that ask it.
STATUS_URL: Final = "STATUS_URL"
STATUS_TOKEN: Final = "STATUS_TOKEN"
STATUS_LOOK_TOKEN: Final = "STATUS_LOOK_TOKEN"
STATUS_ASSETS: Final = "STATUS_ASSETS"
STATUS_DATA: Final = "STATUS_DATA"
STATUS_LISTEN: Final = "STATUS_LISTEN"
HISTORY_JOBS: Final = "HISTORY_JOBS"
ALARM_WEBHOOK: Final = "ALARM_WEBHOOK"

# Who carries out an action, as the one who asks the status service says.
WHO_HEADER: Final = "OODT-Who"

# Paths in a container. Docker mounts a secret under its target's name in /run/secrets.
RABBITMQ_USER_SECRET: Final = "/run/secrets/rabbitmq_user_url"
RABBITMQ_ADMIN_SECRET: Final = "/run/secrets/rabbitmq_admin_url"
STATUS_TOKEN_SECRET: Final = "/run/secrets/status_token"
STATUS_LOOK_TOKEN_SECRET: Final = "/run/secrets/status_look_token"
ALARM_WEBHOOK_SECRET: Final = "/run/secrets/alarm_webhook"
WORKFLOW_SECRETS_DIR: Final = "/run/workflow-secrets"
RUN_DIR: Final = "/run/oodt"
# In RUN_DIR. The Workflow Manager writes the identity of its process there.
BOOT_FILE: Final = "wm-boot"
# In RUN_DIR of a container that tries a job: what the operator's command has said about it.
TRIED_JOB_FILE: Final = "job.json"
HOME_DIR: Final = "/usr/local/oodt"
CONFIG_DIR: Final = f"{HOME_DIR}/workflows"
LEDGER_DIR: Final = f"{HOME_DIR}/ledger"
ARCHIVE_DIR: Final = f"{HOME_DIR}/archive"
JOBS_DIR: Final = f"{HOME_DIR}/jobs"
STATUS_DIR: Final = "/var/lib/oodt-status"
# In the folder of the jobs: what the programs of each run have written, RUN/TASK.gz.
RUN_LOGS: Final = ".logs"
DOCKER_SOCKET: Final = "/var/run/docker.sock"
# In RUN_DIR of the swarm service: when docker answered last, in unix seconds.
LOOKED_FILE: Final = "looked"
ASSETS_DIR: Final = f"{HOME_DIR}/share/console"

# Outputs of the stack that the operator's commands ask for.
USER_URL_OUTPUT: Final = "rabbitmq_user_url"
ADMIN_URL_OUTPUT: Final = "rabbitmq_admin_url"
PRIORITIES_OUTPUT: Final = "priorities"
STATUS_URL_OUTPUT: Final = "status_url"
STATUS_TOKEN_OUTPUT: Final = "status_token"
STATUS_LOOK_TOKEN_OUTPUT: Final = "status_look_token"
PROMETHEUS_URL_OUTPUT: Final = "prometheus_url"
SSH_OUTPUT: Final = "ssh"
TUNNEL_OUTPUT: Final = "tunnel"
PATIENCE_OUTPUT: Final = "patience"

# The id of a job or batch names files, folders and workflow instances.
SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")

# The metadata key that carries our run id to OODT. It is not JobId, because OODT overwrites that.
JOB_KEY: Final = "JobKey"

DEFAULT_FILEMGR_URL: Final = f"http://{FILEMGR_SERVICE}:{FILEMGR_PORT}"
# Values unless the environment says otherwise. Times are in seconds.
DEFAULT_MAX_WORKFLOWS: Final = 4
DEFAULT_MAX_ATTEMPTS: Final = 3
DEFAULT_JOB_TIMEOUT: Final = 3600
DEFAULT_STOP_GRACE_SECONDS: Final = 300
DEFAULT_LEASE_SECONDS: Final = 30
DEFAULT_HISTORY_JOBS: Final = 1_000_000


def container_of(service: str) -> str:
    """The id of a service's container, as a shell on its node finds it."""
    return f"$(docker ps --quiet --filter label=com.docker.swarm.service.name={service} | head -n 1)"


def dead_queue(event: str) -> str:
    """The queue for the messages of dead jobs, and for poison messages, each with its reason."""
    return f"{event}.dead"


def reading_queue(event: str) -> str:
    """The queue that a program has for itself while it looks through the event's dead queue."""
    return f"oodt.reading.{event}"


def dead_letter_queue(event: str) -> str:
    """The queue to which the broker dead-letters a message. A worker then records that its job is dead."""
    return f"{event}.abandoned"


def retry_queue(event: str, seconds: int) -> str:
    """The queue in which a job's message waits SECONDS before it goes back to the event's queue."""
    return f"{event}.retry.{seconds}"


def is_retry_queue(queue: str, event: str) -> bool:
    """Whether the event's jobs wait there for another run."""
    start, _, seconds = queue.rpartition(".")
    return start == f"{event}.retry" and seconds.isdecimal()
