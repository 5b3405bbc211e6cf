/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A clip statement: what is read is written, and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/statement.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_clip *c = NULL, *back = NULL;
    struct ps_buf first, second;
    struct ps_why why;
    ps_buf_init(&first, PS_MAX_STATEMENT);
    ps_buf_init(&second, PS_MAX_STATEMENT);
    int err = ps_statement_parse(&c, data, size, &why);
    if (err == PS_ENOMEM) /* what the lexer accepts, jansson must */
        abort();
    if (err != 0 && (c != NULL || !ps_bytes_is_text(why.where, strlen(why.where)) ||
                     !ps_bytes_is_text(why.text, strlen(why.text))))
        abort();
    if (err != 0)
        return 0;
    uint8_t heads[32];
    char comment[PS_MAX_TRUSTED_COMMENT + 1];
    ps_statement_heads(c, heads);
    ps_statement_write(c, &first);
    if (first.err == PS_ELIMIT && size > PS_MAX_STATEMENT / 2) { /* our white space made it too long */
        ps_buf_free(&first);
        ps_statement_free(c);
        return 0;
    }
    if (ps_statement_comment(c, heads, comment) != 0 || first.err != 0 ||
        ps_statement_parse(&back, first.p, first.n, &why) != 0)
        abort();
    ps_statement_write(back, &second);
    if (second.err != 0 || second.n != first.n || memcmp(second.p, first.p, first.n) != 0)
        abort();
    ps_statement_free(c);
    ps_statement_free(back);
    ps_buf_free(&first);
    ps_buf_free(&second);
    return 0;
}
