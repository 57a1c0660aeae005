/* What a report says of the machine that it was made on. */
#ifndef RK_BENCH_LOAD_MACHINE_H
#define RK_BENCH_LOAD_MACHINE_H

struct rk_load_machine {
	char cpu_model[128]; /* "unknown" where the kernel does not tell */
	long n_cores;        /* online */
	int n_usable_cores;  /* of the client's affinity */
};

void rk_load_machine_read(struct rk_load_machine *ret_machine);

#endif
