#include "plan.h"

#include <stdlib.h>

const char *const field_kinds[FIELD_KINDS] = {
    [SKIPPED] = "",
    [TEXT] = "text",
    [CLIENT] = "client",
    [VHOST] = "vhost",
    [PORT] = "port",
    [TIME] = "time_clf",
    [REQUEST] = "request",
    [STATUS] = "status",
    [BYTES] = "bytes",
    [USER_AGENT] = "user_agent",
    [FORWARDED_FOR] = "forwarded_for",
};
const char *const parameter_kinds[PARAMETER_KINDS] = {
    [VALUE] = "text",
    [NUMBER] = "number",
    [EVENT_NAME] = "event",
    [CONSENT_SIGNAL] = "consent",
    [ID] = "id",
    [VISITOR_ID] = "visitor_id",
};

int start_plan(Plan *plan) {
    memset(plan->parameter_slots, 0xFF, sizeof plan->parameter_slots); /* every slot is -1 */
    plan->first_parameter_column = REQUEST_COLUMNS;
    plan->user_agent_column = -1;
    plan->paths = calloc(PATH_SLOTS, sizeof *plan->paths);
    return plan->paths != NULL;
}

void free_plan(Plan *plan) {
    for (int index = 0; index < plan->field_count; index++) free(plan->fields[index].before.text);
    for (int index = 0; index < plan->parameter_count; index++) free(plan->parameters[index].name.text);
    for (int column = 0; column < ROW_COLUMNS; column++) free(plan->row_columns[column]);
    for (int column = 0; column < plan->column_count; column++) free(plan->columns[column]);
    free(plan->last.text);
    free(plan->id_prefix.text);
    for (int index = 0; index < plan->placeholder_count; index++) free(plan->placeholders[index].text);
    for (uint32_t slot = 0; plan->paths && slot < PATH_SLOTS; slot++) free(plan->paths[slot]);
    free(plan->paths);
}

int set_literal(Literal *literal, const char *text, size_t length) {
    literal->text = malloc(length + 1);
    if (!literal->text) return 0;
    memcpy(literal->text, text, length);
    literal->length = length;
    return 1;
}

int set_name(char **place, const char *name) {
    *place = malloc(strlen(name) + 1);
    if (*place) strcpy(*place, name);
    return *place != NULL;
}

int add_field(Plan *plan, const char *before, size_t length, enum FieldKind kind, int column, int must_be_first_match) {
    Field *field = &plan->fields[plan->field_count];
    if (!set_literal(&field->before, before, length)) return 0;
    plan->field_count++;
    field->kind = kind;
    field->column = column;
    field->is_quoted = length && before[length - 1] == '"';
    field->must_be_first_match = must_be_first_match && length;
    for (size_t at = 0; at < length; at++)
        if (before[at] == '"') field->behind_quote = at + 1;
    if (kind == USER_AGENT) plan->user_agent_column = column;
    if (column >= plan->first_parameter_column) plan->first_parameter_column = column + 1;
    return 1;
}

int add_parameter(Plan *plan, const char *name, size_t length, enum ParameterKind kind, int column) {
    uint64_t hash = FIRST_KEY;
    for (size_t at = 0; at < length; at++) hash = hash_letter(hash, name[at]);
    int index = plan->parameter_count;
    Parameter *parameter = &plan->parameters[index], *same_name = (Parameter *)find_parameter(plan, name, length, hash);
    if (!set_literal(&parameter->name, name, length)) return 0;
    plan->parameter_count++;
    parameter->kind = kind;
    parameter->column = column;
    parameter->next = -1;
    if (same_name) {
        while (same_name->next >= 0) same_name = &plan->parameters[same_name->next];
        same_name->next = index;
    } else {
        uint64_t slot = find_parameter_slot(hash);
        while (plan->parameter_slots[slot] >= 0) slot = (slot + 1) % PARAMETER_SLOTS;
        plan->parameter_slots[slot] = (int16_t)index;
    }
    plan->is_parameter[column] = 1;
    plan->is_visitor_id[column] |= kind == VISITOR_ID;
    return 1;
}

int add_placeholder(Plan *plan, const char *text, size_t length) {
    if (!set_literal(&plan->placeholders[plan->placeholder_count], text, length)) return 0;
    plan->placeholder_count++;
    return 1;
}

int add_path(Plan *plan, const char *text, size_t length, enum Action with_query, enum Action without_query) {
    uint64_t hash = hash_text(text, length);
    if (length > LONGEST_PATH || !has_room_for_paths(plan) || find_path(plan, text, length, hash)) return 1;
    for (int probe = 0; probe < PATH_PROBES; probe++) {
        Path **slot = &plan->paths[(hash + (uint64_t)probe) % PATH_SLOTS];
        if (*slot) continue;
        Path *path = malloc(sizeof *path + length);
        if (!path) return 0;
        path->length = (uint32_t)length;
        path->with_query = (uint8_t)with_query;
        path->without_query = (uint8_t)without_query;
        memcpy(path->text, text, length);
        __atomic_store_n(slot, path, __ATOMIC_RELEASE); /* readers see the whole path or none */
        __atomic_fetch_add(&plan->path_count, 1, __ATOMIC_RELAXED);
        break;
    }
    return 1;
}
