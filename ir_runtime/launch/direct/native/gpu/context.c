// The current GPU of a thread. Torch sets it late, and a thread that only got memory from torch's
// cache may have none, so that each launch looks. What was current before is set again.
#include "gpu.h"

static bool retain(gpu_driver *self, int32_t device, void **context, gpu_failure *failed) {
  pthread_mutex_lock(&self->lock);
  *context = atomic_load(&self->contexts[device]);
  bool done = true;
  if (*context == NULL) {
    int handle = 0;
    done = succeeded(failed, "cuDeviceGet", self->calls.get_device(&handle, device)) &&
           succeeded(failed, "cuDevicePrimaryCtxRetain", self->calls.retain(context, handle));
    if (done) atomic_store(&self->contexts[device], *context);
  }
  pthread_mutex_unlock(&self->lock);
  return done;
}

static bool enter_context(gpu_driver *self, int32_t device, gpu_scope *before,
                          gpu_failure *failed) {
  void *context = atomic_load_explicit(&self->contexts[device], memory_order_acquire);
  if (context == NULL && !retain(self, device, &context, failed)) return false;
  if (!succeeded(failed, "cuCtxGetCurrent", self->calls.current_context(&before->context)))
    return false;
  if (before->context == context) return true;
  before->changed = succeeded(failed, "cuCtxSetCurrent", self->calls.set_context(context));
  return before->changed;
}

static bool enter_device(gpu_driver *self, int32_t device, gpu_scope *before,
                         gpu_failure *failed) {
  if (!succeeded(failed, "hipGetDevice", self->calls.current_device(&before->device)))
    return false;
  if (before->device == device) return true;
  before->changed = succeeded(failed, "hipSetDevice", self->calls.set_device(device));
  return before->changed;
}

bool enter_gpu(gpu_driver *self, int32_t device, gpu_scope *before, gpu_failure *failed) {
  before->changed = false;
  return self->is_cuda ? enter_context(self, device, before, failed)
                       : enter_device(self, device, before, failed);
}

void leave_gpu(const gpu_driver *self, const gpu_scope *before) {
  if (!before->changed) return;
  if (self->is_cuda)
    self->calls.set_context(before->context);
  else
    self->calls.set_device(before->device);
}
