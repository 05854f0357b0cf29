# The words that workflows use, which a laptop runs as well. What an owner sets for them, and where: docs/ci.md.
.PHONY: due watch state-pull state-push proposal propose approve pull-request alarm bundle image deploy rollback template-update
# {% if cookiecutter.ci == 'gitlab' %}
.PHONY: retrain
# {% endif %}

RUN = $(UV) run {{ cookiecutter.project_slug }}
BOT = git -c user.name={{ cookiecutter.project_slug }}-ci -c user.email=ci@localhost
# {% if cookiecutter.ci == 'github' %}
TAG ?= $(GITHUB_REF_NAME)
# {% else %}
TAG ?= $(CI_COMMIT_TAG)
# {% endif %}
IMAGE ?= {{ cookiecutter.project_slug }}
# A registry takes lower-case names alone.
REPOSITORY = $(shell echo '$(IMAGE)' | tr '[:upper:]' '[:lower:]')
NAME = $(REPOSITORY):$(TAG)
MODEL = $(notdir $(patsubst %/,%,$(wildcard release/models/*/)))

due: $(UV) ## tell whether a run is due, and why; its one line on stdout is due=run or due=skip
	@code=0; $(RUN) due >&2 || code=$$?; \
	case $$code in 0) echo due=run;; 3) echo due=skip;; *) exit $$code;; esac

watch: $(UV) ## what monitor finds, kept in monitoring/said.txt; its one line on stdout is monitor=quiet or monitor=alarm
	@mkdir -p monitoring; code=0; $(RUN) monitor >monitoring/said.txt || code=$$?; cat monitoring/said.txt >&2; \
	case $$code in 0) echo monitor=quiet;; 3) echo monitor=alarm;; *) exit $$code;; esac

state-pull: ## fetch models, features, answers and artifacts, by the command that the variable STATE_PULL holds
	@test -n "$$STATE_PULL" || echo "STATE_PULL is not set: the state is what the cache of CI still has."
	@bash -euc "$$STATE_PULL"

state-push: ## put them back, by the command that the variable STATE_PUSH holds
	@test -n "$$STATE_PUSH" || echo "STATE_PUSH is not set: the state stays in the cache of CI, as long as that keeps it."
	@bash -euc "$$STATE_PUSH"

proposal: $(UV) ## write down a model that waits for a hand; its one line on stdout is proposal=one or proposal=none
	@mkdir -p proposal; code=0; $(RUN) models waiting >proposal/approved-model.txt || code=$$?; \
	$(RUN) models list | sed 's/^/    /' >proposal/body.md; \
	case $$code in 0) echo proposal=one;; 3) echo proposal=none;; *) exit $$code;; esac
# {% if cookiecutter.ci == 'gitlab' %}

retrain: ## run the pipeline if that is due, and write down a model that waits for a hand
	@case "$$($(MAKE) --silent due)" in due=run) $(MAKE) run proposal;; due=skip) ;; *) exit 1;; esac
# {% endif %}

propose: ## offer the model of `make proposal` as a branch to be merged, which is how a hand approves it
	@if [ -s proposal/approved-model.txt ]; then $(MAKE) offer; else echo "No model waits for a hand."; fi

.PHONY: offer
offer:
	cp proposal/approved-model.txt approved-model.txt
	git add approved-model.txt
	$(BOT) commit --quiet --message "Let model $$(cat approved-model.txt) answer"
	$(MAKE) pull-request BRANCH=model BODY=proposal/body.md TITLE="Let model $$(cat approved-model.txt) answer"

approve: $(UV) ## promote the model that approved-model.txt names
	$(RUN) models promote "$$(cat approved-model.txt)"
# {% if cookiecutter.ci == 'github' %}

pull-request:
	gh auth setup-git
	git push --force origin 'HEAD:refs/heads/$(BRANCH)'
	@if [ "$$(gh pr list --head '$(BRANCH)' --state open --json number --jq length)" = 0 ]; \
	then gh pr create --head '$(BRANCH)' --title '$(TITLE)' --body-file '$(BODY)'; \
	else gh pr edit '$(BRANCH)' --title '$(TITLE)' --body-file '$(BODY)'; fi

alarm: ## tell in one issue, the open one with the label monitor, what `make watch` found; then ask for a run of train
	@open="$$(gh issue list --label monitor --state open --limit 1 --json number --jq '.[].number')"; \
	if [ -n "$$open" ]; then gh issue comment "$$open" --body-file monitoring/said.txt; \
	else gh label create monitor --force --description "an alarm of the monitor" && \
	gh issue create --label monitor --title "The monitor has an alarm" --body-file monitoring/said.txt; fi
	gh workflow run train.yml
# {% else %}

# GitLab opens the merge request itself, as the options of the push say. PUSH_TO is a URL with a token that may push.
pull-request:
	git push --force -o merge_request.create -o merge_request.title='$(TITLE)' -o merge_request.remove_source_branch \
	"$${PUSH_TO:-origin}" 'HEAD:refs/heads/$(BRANCH)'

# Alerts of one fingerprint are one incident, which GitLab opens and keeps; ALERT_URL and ALERT_KEY are those of its HTTP endpoint.
alarm: ## tell in one incident what `make watch` found, unless that was quiet
	@if [ "$${monitor:-}" = quiet ]; then echo "The monitor is quiet."; else $(MAKE) incident; fi

.PHONY: incident
incident:
	@test -n "$$ALERT_URL" || { echo "ALERT_URL is not set; name the HTTP endpoint of Settings, Monitor, Alerts there."; exit 1; }
	python3 -c 'import json, sys; print(json.dumps({"title": "The monitor has an alarm", "fingerprint": "monitor", "description": sys.stdin.read()}))' \
	<monitoring/said.txt >monitoring/alert.json
	@curl --fail --silent --show-error --header "Authorization: Bearer $$ALERT_KEY" --json @monitoring/alert.json "$$ALERT_URL"
# {% endif %}

bundle: $(UV) ## put the model that answers into release/, for the image
	$(RUN) models export release/models

image: ## build the image of a release with that model in it, and push it with its SBOM and provenance: make image IMAGE=… TAG=…
	@test -n '$(TAG)' || { echo "TAG is not set; name the release, as in make image TAG=v1.0.0."; exit 1; }
	@test -f release/models/current.json || { echo "release/ holds no model; put it there with make bundle."; exit 1; }
	docker context inspect release >/dev/null 2>&1 || docker context create release
	docker buildx inspect release >/dev/null 2>&1 || docker buildx create --name release --driver docker-container release
	docker buildx build --builder release --target release --sbom=true --provenance=mode=max \
	--tag '$(NAME)' --tag '$(REPOSITORY):model-$(MODEL)' --push .

deploy: ## run the command that the variable DEPLOY holds, with the image's name in IMAGE and TAG
	@test -n "$$DEPLOY" || { echo "DEPLOY is not set; name the command that brings an image into operation there."; exit 1; }
	@test -n '$(TAG)' || { echo "TAG is not set; name the release, as in make deploy TAG=v1.0.0."; exit 1; }
	@IMAGE='$(NAME)' TAG='$(TAG)' bash -euc "$$DEPLOY"

rollback: ## deploy the release before TAG again
	@before="$$(git describe --tags --abbrev=0 --match 'v*' '$(TAG)^')" || \
	{ echo "There is no release before $(TAG) to go back to."; exit 1; }; $(MAKE) deploy TAG="$$before"

template-update: $(UV) ## offer what the template has learned since as a branch to be merged
	$(UV) tool run 'copier>=9.15' update --defaults
	@if [ -z "$$(git status --porcelain)" ]; then echo "The template has nothing new."; else $(MAKE) update-offer; fi

.PHONY: update-offer
update-offer:
	git add --all
	mkdir -p proposal
	git diff --cached --compact-summary | sed 's/^/   /' >proposal/body.md
	$(BOT) commit --quiet --message "Follow the template"
	$(MAKE) pull-request BRANCH=template-update BODY=proposal/body.md TITLE="Follow the template"
