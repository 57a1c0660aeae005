/* Stack of a thread that handles requests. Sanitizers' frames are several times larger. */
#ifndef RK_SERVER_STACK_H
#define RK_SERVER_STACK_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RK_STACK_BYTES ((size_t)8 * 1024 * 1024)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RK_STACK_BYTES ((size_t)8 * 1024 * 1024)
#endif
#endif
#ifndef RK_STACK_BYTES
#define RK_STACK_BYTES ((size_t)1 * 1024 * 1024)
#endif

#endif
