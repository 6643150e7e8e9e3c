# How a layer of third-party packages is built, in place: as uv.lock has them, for Lambda's processor and C library (Amazon
# Linux 2023 has glibc 2.34). Compiled, because an import from source takes two to three times as long.
#
# EXTRA names the extra that a layer is for; it leaves out what the dependencies layer holds already.

ARCHITECTURE ?= arm64
PLATFORM := $(strip $(if $(filter arm64,$(ARCHITECTURE)),aarch64-manylinux_2_28) \
	$(if $(filter x86_64,$(ARCHITECTURE)),x86_64-manylinux_2_28))
ifeq ($(PLATFORM),)
$(error ARCHITECTURE is arm64 or x86_64, not $(ARCHITECTURE))
endif

EXPORT := uv export --project ../.. --frozen --quiet --no-default-groups --no-emit-project

define build-packages
	rm -rf "$(ARTIFACTS_DIR)/python"
	$(EXPORT) --no-hashes --no-annotate --no-header --output-file "$(ARTIFACTS_DIR)/shared.txt"
	$(EXPORT) $(if $(EXTRA),--extra $(EXTRA) --prune $$(sed -E 's/[ =;].*//' "$(ARTIFACTS_DIR)/shared.txt" \
		| tr '\n' ' ' | sed 's/ *$$//; s/ / --prune /g')) --output-file "$(ARTIFACTS_DIR)/requirements.txt"
	uv pip install --quiet --target "$(ARTIFACTS_DIR)/python" --python python3.13 --python-version 3.13 \
		--python-platform $(PLATFORM) --only-binary :all: --no-deps --require-hashes \
		--requirement "$(ARTIFACTS_DIR)/requirements.txt"
	rm -rf "$(ARTIFACTS_DIR)/shared.txt" "$(ARTIFACTS_DIR)/requirements.txt" "$(ARTIFACTS_DIR)/python/bin"
	PYTHONHASHSEED=0 python3.13 -m compileall -q --invalidation-mode unchecked-hash "$(ARTIFACTS_DIR)/python"
endef
