"""Bulk changes: long work as documents. A job has a step for each user, which any web process can take, and none does twice."""

from accounts.services.jobs.plan import Denial as Denial
from accounts.services.jobs.plan import create as create
from accounts.services.jobs.records import ACTIONS as ACTIONS
from accounts.services.jobs.records import ROLE_ACTIONS as ROLE_ACTIONS
from accounts.services.jobs.records import STATES as STATES
from accounts.services.jobs.records import Action as Action
from accounts.services.jobs.records import Counts as Counts
from accounts.services.jobs.records import Job as Job
from accounts.services.jobs.records import Step as Step
from accounts.services.jobs.run import advance as advance
from accounts.services.jobs.run import discard as discard
from accounts.services.jobs.run import pause as pause
from accounts.services.jobs.run import resume as resume
from accounts.services.jobs.run import retry as retry
from accounts.services.jobs.run import start as start
from accounts.services.jobs.run import verify as verify
from accounts.services.jobs.store import StepQuery as StepQuery
from accounts.services.jobs.store import all_jobs as all_jobs
from accounts.services.jobs.store import all_steps as all_steps
from accounts.services.jobs.store import counts as counts
from accounts.services.jobs.store import counts_of as counts_of
from accounts.services.jobs.store import get as get
from accounts.services.jobs.store import refresh as refresh
from accounts.services.jobs.store import steps as steps
