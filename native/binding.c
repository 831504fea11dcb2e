// A Node-API binding of ONNX Runtime that works in any thread of a process: float32 results of sessions on the CPU, one
// call per run.
//
// The last onnxruntime-node without an install script (up to 1.17.0) has a binding that only one thread of a process
// may load: a second one is refused, or corrupts the memory of the first. Its library has no such limit. This binding
// keeps no thread's state in static variables and uses the library's C interface, which every later version supports as
// used here (version 16). The library is opened by path, with local symbols, so that another version in the same
// process is not affected.
//
// Node's functions are looked up when the binding is loaded. So it links for any platform without Node's headers, and
// runs in any program that exports them, whatever its name.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#define EXPORT __declspec(dllexport)
static SRWLOCK lock = SRWLOCK_INIT;
static void enter(void) { AcquireSRWLockExclusive(&lock); }
static void leave(void) { ReleaseSRWLockExclusive(&lock); }
#else
#include <dlfcn.h>
#include <pthread.h>
#define EXPORT __attribute__((visibility("default")))
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void enter(void) { pthread_mutex_lock(&lock); }
static void leave(void) { pthread_mutex_unlock(&lock); }
#endif

// The part of Node-API used here.
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef int napi_status;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef void (*napi_finalize)(napi_env, void *, void *);
enum { napi_uint8_array = 1, napi_float32_array = 7, napi_bigint64_array = 9 };

#define NODE_FUNCTIONS(X) \
  X(napi_create_function, (napi_env, const char *, size_t, napi_callback, void *, napi_value *)) \
  X(napi_set_named_property, (napi_env, napi_value, const char *, napi_value)) \
  X(napi_get_cb_info, (napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **)) \
  X(napi_get_value_string_utf8, (napi_env, napi_value, char *, size_t, size_t *)) \
  X(napi_get_value_string_utf16, (napi_env, napi_value, uint16_t *, size_t, size_t *)) \
  X(napi_get_value_int32, (napi_env, napi_value, int32_t *)) \
  X(napi_get_value_int64, (napi_env, napi_value, int64_t *)) \
  X(napi_get_value_bool, (napi_env, napi_value, bool *)) \
  X(napi_get_value_external, (napi_env, napi_value, void **)) \
  X(napi_get_array_length, (napi_env, napi_value, uint32_t *)) \
  X(napi_get_element, (napi_env, napi_value, uint32_t, napi_value *)) \
  X(napi_get_typedarray_info, (napi_env, napi_value, int *, size_t *, void **, napi_value *, size_t *)) \
  X(napi_is_typedarray, (napi_env, napi_value, bool *)) \
  X(napi_create_string_utf8, (napi_env, const char *, size_t, napi_value *)) \
  X(napi_create_external, (napi_env, void *, napi_finalize, void *, napi_value *)) \
  X(napi_create_arraybuffer, (napi_env, size_t, void **, napi_value *)) \
  X(napi_create_typedarray, (napi_env, int, size_t, napi_value, size_t, napi_value *)) \
  X(napi_create_object, (napi_env, napi_value *)) \
  X(napi_create_array_with_length, (napi_env, size_t, napi_value *)) \
  X(napi_set_element, (napi_env, napi_value, uint32_t, napi_value)) \
  X(napi_create_int64, (napi_env, int64_t, napi_value *)) \
  X(napi_throw_error, (napi_env, const char *, const char *))

#define DECLARE(name, parameters) static napi_status(*name) parameters;
NODE_FUNCTIONS(DECLARE)

static bool find_node_functions(void) {
#ifdef _WIN32
  HMODULE hosts[] = {GetModuleHandleA(NULL), GetModuleHandleA("node.dll"), GetModuleHandleA("libnode.dll")};
#define FIND(name, parameters) \
  for (int host = 0; host < 3 && name == NULL; host++) \
    if (hosts[host] != NULL) name = (void *)GetProcAddress(hosts[host], #name);
#else
#define FIND(name, parameters) name = dlsym(RTLD_DEFAULT, #name);
#endif
  NODE_FUNCTIONS(FIND)
#define IS_THERE(name, parameters) &&name != NULL
  return true NODE_FUNCTIONS(IS_THERE);
}

// ONNX Runtime's C interface: a function table that grows only at its end. The numbers are positions in it.
typedef void Status;
typedef const void *const *Api;
struct ApiBase {
  Api (*get_api)(uint32_t version);
  const char *(*get_version)(void);
};
enum { api_version = 16, type_float = 1, type_int64 = 7 };
#define CALL(place, parameters) ((Status * (*)parameters) api[place])
#define RELEASE(place) ((void (*)(void *))api[place])
#define error_message(status) (((const char *(*)(const Status *))api[2])(status))
#define create_env CALL(3, (int severity, const char *name, void **env))
#define create_session CALL(8, (void *env, const void *model, size_t bytes, const void *options, void **session))
#define run_session \
  CALL(9, (void *session, const void *options, const char *const *names, const void *const *values, size_t count, \
           const char *const *wanted, size_t wanted_count, void **results))
#define create_options CALL(10, (void **options))
#define disable_memory_pattern CALL(17, (void *options))
#define set_log_severity CALL(22, (void *options, int severity))
#define set_optimization CALL(23, (void *options, int level))
#define set_threads CALL(24, (void *options, int threads))
#define set_parallel_nodes CALL(25, (void *options, int threads))
#define create_tensor \
  CALL(49, (const void *memory, void *data, size_t bytes, const int64_t *shape, size_t rank, int type, void **value))
#define get_data CALL(51, (void *value, void **data))
#define get_type CALL(60, (const void *info, int *type))
#define get_rank CALL(61, (const void *info, size_t *rank))
#define get_shape CALL(62, (const void *info, int64_t *shape, size_t rank))
#define get_count CALL(64, (const void *info, size_t *count))
#define get_info CALL(65, (const void *value, void **info))
#define create_memory CALL(69, (int allocator, int kind, void **memory))
#define release_status RELEASE(93)
#define release_session RELEASE(95)
#define release_value RELEASE(96)
#define release_info RELEASE(99)
#define release_options RELEASE(100)
#define set_config CALL(130, (void *options, const char *key, const char *value))

// One per process, created by the first thread and never released, as other threads may use them.
static Api api;
static const char *version;
static void *env;
static void *memory;

#define most_inputs 4
#define most_dimensions 8
#define name_length 128

static napi_value throw(napi_env node, const char *message) {
  napi_throw_error(node, NULL, message);
  return NULL;
}

/** Throws a status as an error; NULL means success. */
static bool failed(napi_env node, Status *status) {
  if (status == NULL) return false;
  throw(node, error_message(status));
  release_status(status);
  return true;
}

/** The function table of the library at this path, or NULL with the problem. */
static const struct ApiBase *open_library(napi_env node, napi_value path, char *problem, size_t room) {
  const struct ApiBase *(*get_base)(void) = NULL;
#ifdef _WIN32
  uint16_t name[4096];
  size_t length;
  if (napi_get_value_string_utf16(node, path, name, 4096, &length) != 0) return NULL;
  HMODULE library = LoadLibraryExW((wchar_t *)name, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == NULL) snprintf(problem, room, "the library cannot be opened (Windows error %lu)", GetLastError());
  else get_base = (void *)GetProcAddress(library, "OrtGetApiBase");
#else
  char name[4096];
  size_t length;
  if (napi_get_value_string_utf8(node, path, name, sizeof name, &length) != 0) return NULL;
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) snprintf(problem, room, "%s", dlerror());
  else get_base = dlsym(library, "OrtGetApiBase");
#endif
  return get_base == NULL ? NULL : get_base();
}

/** open(path): opens the library, once per process, and returns its version. */
static napi_value open_runtime(napi_env node, napi_callback_info info) {
  size_t count = 1;
  napi_value path, result;
  napi_get_cb_info(node, info, &count, &path, NULL, NULL);
  char problem[512] = "the library has no interface that is known here";
  enter();
  if (api == NULL) {
    const struct ApiBase *base = open_library(node, path, problem, sizeof problem);
    Api found = base == NULL ? NULL : base->get_api(api_version);
    if (found != NULL) {
      api = found;
      // Prints only fatal errors; the rest are thrown.
      Status *status = create_env(4, "paperkin", &env);
      if (status == NULL) status = create_memory(1, 0, &memory);
      if (status != NULL) {
        snprintf(problem, sizeof problem, "%s", error_message(status));
        release_status(status);
        api = NULL;
      } else version = base->get_version();
    }
  }
  leave();
  if (api == NULL) return throw(node, problem);
  napi_create_string_utf8(node, version, strlen(version), &result);
  return result;
}

static void finalize_session(napi_env node, void *session, void *hint) {
  (void)node;
  (void)hint;
  release_session(session);
}

/** createSession(model, threads, optimizes, spins): a session of the model in these bytes. */
static napi_value create(napi_env node, napi_callback_info info) {
  size_t count = 4;
  napi_value given[4], result;
  napi_get_cb_info(node, info, &count, given, NULL, NULL);
  int type;
  size_t bytes;
  void *model, *options, *session;
  int32_t threads;
  bool optimizes, spins;
  if (api == NULL || count < 4 || napi_get_typedarray_info(node, given[0], &type, &bytes, &model, NULL, NULL) != 0 ||
      type != napi_uint8_array || napi_get_value_int32(node, given[1], &threads) != 0 ||
      napi_get_value_bool(node, given[2], &optimizes) != 0 || napi_get_value_bool(node, given[3], &spins) != 0)
    return throw(node, "Expected an open library, and (Uint8Array, number, boolean, boolean).");
  if (failed(node, create_options(&options))) return NULL;
  const char *spinning = spins ? "1" : "0";
  Status *status = set_threads(options, threads);
  if (status == NULL) status = set_parallel_nodes(options, 1);
  if (status == NULL) status = set_optimization(options, optimizes ? 99 : 0);
  if (status == NULL) status = set_log_severity(options, 4);
  // Memory plans per input shape would cost memory and gain nothing.
  if (status == NULL) status = disable_memory_pattern(options);
  if (status == NULL) status = set_config(options, "session.intra_op.allow_spinning", spinning);
  if (status == NULL) status = create_session(env, model, bytes, options, &session);
  release_options(options);
  if (failed(node, status)) return NULL;
  if (napi_create_external(node, session, finalize_session, NULL, &result) != 0) {
    release_session(session);
    return NULL;
  }
  return result;
}

/** Wraps a Float32Array or BigInt64Array as a tensor, without a copy. */
static bool read_tensor(napi_env node, napi_value array, napi_value shape, void **tensor) {
  int type;
  size_t length;
  void *data;
  bool is_array;
  uint32_t rank;
  int64_t dimensions[most_dimensions], product = 1;
  if (napi_is_typedarray(node, array, &is_array) != 0 || !is_array) return false;
  if (napi_get_typedarray_info(node, array, &type, &length, &data, NULL, NULL) != 0) return false;
  if (type != napi_float32_array && type != napi_bigint64_array) return false;
  if (napi_get_array_length(node, shape, &rank) != 0 || rank > most_dimensions) return false;
  for (uint32_t place = 0; place < rank; place++) {
    napi_value value;
    if (napi_get_element(node, shape, place, &value) != 0) return false;
    if (napi_get_value_int64(node, value, &dimensions[place]) != 0 || dimensions[place] < 0) return false;
    product *= dimensions[place];
  }
  if (product != (int64_t)length) return false;
  size_t width = type == napi_float32_array ? 4 : 8;
  int kind = type == napi_float32_array ? type_float : type_int64;
  Status *status = create_tensor(memory, data, length * width, dimensions, rank, kind, tensor);
  if (status == NULL) return true;
  release_status(status);
  return false;
}

/** Copies a float32 tensor to `{ data, dims }`. */
static napi_value write_tensor(napi_env node, void *tensor) {
  void *info, *from, *to;
  int type;
  size_t rank = 0, length = 0;
  int64_t dimensions[most_dimensions];
  if (failed(node, get_info(tensor, &info))) return NULL;
  Status *status = get_type(info, &type);
  if (status == NULL) status = get_rank(info, &rank);
  if (status == NULL && rank <= most_dimensions) status = get_shape(info, dimensions, rank);
  if (status == NULL) status = get_count(info, &length);
  release_info(info);
  if (status == NULL) status = get_data(tensor, &from);
  if (failed(node, status)) return NULL;
  if (type != type_float || rank > most_dimensions) return throw(node, "The output is no float32 tensor.");
  napi_value result, buffer, data, dims;
  if (napi_create_arraybuffer(node, length * 4, &to, &buffer) != 0) return NULL;
  memcpy(to, from, length * 4);
  if (napi_create_typedarray(node, napi_float32_array, length, buffer, 0, &data) != 0) return NULL;
  if (napi_create_array_with_length(node, rank, &dims) != 0) return NULL;
  for (size_t place = 0; place < rank; place++) {
    napi_value value;
    if (napi_create_int64(node, dimensions[place], &value) != 0) return NULL;
    if (napi_set_element(node, dims, (uint32_t)place, value) != 0) return NULL;
  }
  if (napi_create_object(node, &result) != 0) return NULL;
  if (napi_set_named_property(node, result, "data", data) != 0) return NULL;
  if (napi_set_named_property(node, result, "dims", dims) != 0) return NULL;
  return result;
}

/**
 * run(session, inputs, output, target?): inputs are `[name, array, shape]`. Returns the named output as `{ data, dims
 * }`, or writes it into `target`, `[array, shape]`.
 */
static napi_value run(napi_env node, napi_callback_info info) {
  size_t count = 4;
  napi_value given[4], result = NULL;
  napi_get_cb_info(node, info, &count, given, NULL, NULL);
  void *session, *values[most_inputs], *output = NULL;
  char names[most_inputs][name_length], wanted[name_length];
  const char *name_list[most_inputs], *wanted_list[1] = {wanted};
  uint32_t inputs = 0, made = 0;
  size_t length;
  if (api == NULL || count < 3 || napi_get_value_external(node, given[0], &session) != 0 ||
      napi_get_array_length(node, given[1], &inputs) != 0 || inputs > most_inputs ||
      napi_get_value_string_utf8(node, given[2], wanted, name_length, &length) != 0)
    return throw(node, "Expected a session, a list of inputs and the name of an output.");
  for (; made < inputs; made++) {
    napi_value input, name, array, shape;
    if (napi_get_element(node, given[1], made, &input) != 0 || napi_get_element(node, input, 0, &name) != 0 ||
        napi_get_element(node, input, 1, &array) != 0 || napi_get_element(node, input, 2, &shape) != 0 ||
        napi_get_value_string_utf8(node, name, names[made], name_length, &length) != 0 ||
        !read_tensor(node, array, shape, &values[made])) {
      throw(node, "Expected an input to be a name, a Float32Array or BigInt64Array, and its shape.");
      goto done;
    }
    name_list[made] = names[made];
  }
  if (count > 3) {
    napi_value array, shape;
    if (napi_get_element(node, given[3], 0, &array) != 0 || napi_get_element(node, given[3], 1, &shape) != 0 ||
        !read_tensor(node, array, shape, &output)) {
      throw(node, "Expected the target to be a Float32Array and its shape.");
      goto done;
    }
  }
  if (failed(node, run_session(session, NULL, name_list, (const void *const *)values, inputs, wanted_list, 1, &output)))
    goto done;
  if (count <= 3) result = write_tensor(node, output);
done:
  while (made > 0) release_value(values[--made]);
  if (output != NULL) release_value(output);
  return result;
}

EXPORT napi_value napi_register_module_v1(napi_env node, napi_value exports) {
  enter();
  bool is_node = find_node_functions();
  leave();
  if (!is_node) return exports;
  napi_value function;
  napi_create_function(node, "open", 4, open_runtime, NULL, &function);
  napi_set_named_property(node, exports, "open", function);
  napi_create_function(node, "createSession", 13, create, NULL, &function);
  napi_set_named_property(node, exports, "createSession", function);
  napi_create_function(node, "run", 3, run, NULL, &function);
  napi_set_named_property(node, exports, "run", function);
  return exports;
}
