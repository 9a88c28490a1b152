/* SPDX-License-Identifier: MIT */
/* The plan's names, notes and end. */
#include "plan/plan.h"

#include <stdarg.h>
#include <string.h>

#include "xalloc.h"
#include "xvd.h"

static const char *const endpoint_names[] = {
#define X(id, name) [PLAN_ENDPOINT_##id] = name,
	PLAN_ENDPOINT_TYPES(X)
#undef X
};

const char *plan_endpoint_type_name(enum plan_endpoint_type type)
{
	size_t n = sizeof(endpoint_names) / sizeof(endpoint_names[0]);

	return (size_t)type < n ? endpoint_names[type] : "?";
}

bool plan_is_option(const struct plan *plan, size_t i, const char *name)
{
	return i + 1 < plan->n_qemu && strcmp(plan->qemu[i], name) == 0;
}

struct plan_disk *plan_add_disk(struct plan *plan, const char *target, const char *format,
				bool readonly, const char *use)
{
	struct plan_disk *disk;
	char dev[XVD_NAME_SIZE];

	xvd_name((unsigned)plan->n_disks, dev);
	plan->disks = xgrow(plan->disks, plan->n_disks, sizeof(*plan->disks));
	disk = &plan->disks[plan->n_disks];
	*disk = (struct plan_disk){
		.dev = xstrdup(dev),
		.target = xstrdup(target),
		.format = xstrdup_null(format),
		.readonly = readonly,
		.use = xstrdup(use),
	};
	plan->n_disks++;
	return disk;
}

const struct plan_disk *plan_find_disk(const struct plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->n_disks; i++) {
		if (strcmp(plan->disks[i].target, target) == 0)
			return &plan->disks[i];
	}
	return NULL;
}

void plan_note(struct plan *plan, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	plan->notes = xgrow(plan->notes, plan->n_notes + 1, sizeof(*plan->notes));
	plan->notes[plan->n_notes++] = xalloc_check(text);
	plan->notes[plan->n_notes] = NULL;
}

static void free_strings(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

static void free_texts(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		free(texts[i]);
	free(texts);
}

void plan_disk_free(struct plan_disk *disk)
{
	free(disk->dev);
	free(disk->target);
	free(disk->format);
	free(disk->use);
}

void plan_drop_topology(struct plan *plan)
{
	free_strings(plan->topology, plan->n_topology);
	free(plan->topology_file);
	plan->topology = NULL;
	plan->n_topology = 0;
	plan->topology_file = NULL;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_disks; i++)
		plan_disk_free(&plan->disks[i]);
	for (size_t i = 0; i < plan->n_nics; i++) {
		free(plan->nics[i].tap);
		free(plan->nics[i].mac);
		free(plan->nics[i].bridge);
		free(plan->nics[i].vifname);
		free(plan->nics[i].script);
		free(plan->nics[i].model);
		free(plan->nics[i].netdev);
	}
	for (size_t i = 0; i < plan->n_channels; i++) {
		free(plan->channels[i].name);
		free(plan->channels[i].label);
		free(plan->channels[i].stub_path);
		free(plan->channels[i].endpoint.path);
		free(plan->channels[i].endpoint.host);
		free(plan->channels[i].endpoint.with);
		free_texts(plan->channels[i].endpoint.addresses);
	}
	for (size_t i = 0; i < plan->n_files; i++) {
		free(plan->files[i].name);
		free(plan->files[i].source);
	}
	free(plan->disks);
	free(plan->nics);
	free(plan->channels);
	free(plan->files);
	free_strings(plan->qemu, plan->n_qemu);
	free_strings(plan->notes, plan->n_notes);
	free(plan->name);
	free(plan->guest_name);
	free(plan->machine);
	free(plan->backend);
	free(plan->cpupool);
	free(plan->seclabel);
	free(plan->cpus);
	free(plan->backing_dir);
	plan_drop_topology(plan);
	memset(plan, 0, sizeof(*plan));
}
