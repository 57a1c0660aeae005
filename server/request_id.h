/* Makes ids of requests that came without one, or with a bad one. */
#ifndef RK_SERVER_REQUEST_ID_H
#define RK_SERVER_REQUEST_ID_H

/* Writes 32 random hexadecimal digits and a NUL. */
void rk_request_id_make(char ret_id[33]);

#endif
