{#- Keys and values of tokens are written into the pages of a cache, where they lie; a Jinja template.

`cache_check_slots` finds the least and the greatest slot; it is called before `cache_write`, so that a
bad one is refused before anything is written. There each changed tensor has a dispatch, whose workers
share the tokens. A slot is a key of all pages in turn; a token without one (-1) is left out, and so is one whose slot is beyond the cache.

`scaled`: the cache is int8, each key and each value with a scale: its largest magnitude / 127.
-#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'decode_index.mlir' import bindings, bound, number, read with context -%}
{%- set dims = '%dx%d' | format(kv_heads, depth) -%}
!rowst = tensor<?x{{ dims }}x{{ element }}>
!cachet = tensor<?x{{ kv_heads }}x{{ page }}x{{ depth }}x{{ cache }}>
!scalet = tensor<?x{{ kv_heads }}x{{ page }}xf32>
!slotst = tensor<?x{{ slot }}>
!slots = memref<?x{{ slot }}>
!rows = memref<?x{{ depth }}x{{ element }}>
!cache = memref<?x{{ depth }}x{{ cache }}>
!f = vector<{{ lanes }}xf32>
!i = vector<{{ lanes }}xi32>
!mask = vector<{{ lanes }}xi1>
#check_layout = #hal.pipeline.layout<constants = 2, bindings = {{ bindings(2, 1) }}>
#write_layout = #hal.pipeline.layout<constants = 2, bindings = {{ bindings(3, 2) }}>
{%- macro largest() %}
          // The scale of a row, and the row.
          %top_each = scf.for %d = %c0 to %depth step %lanes iter_args(%x = %zero) -> (!f) {
            {{- read('x_any', '%rows', element, '%row, %d') }}
            %size = math.absf %x_any : !f
            %more = arith.cmpf ogt, %size, %x : !f
            %next = arith.select %more, %size, %x : !mask, !f
            scf.yield %next : !f
          }
          %top = vector.reduction <maximumf>, %top_each : !f into f32
          %raised = arith.maximumf %top, %least : f32
          %scale = arith.divf %raised, %most : f32
{%- endmacro -%}
{%- macro stored() %}
{%- if element == cache %}
          scf.for %d = %c0 to %depth step %lanes {
            %x = vector.transfer_read %rows[%row, %d], %zero_{{ element }} {in_bounds = [{{ dfull }}]} : !rows, vector<{{ lanes }}x{{ element }}>
            vector.transfer_write %x, %cache[%to, %d] {in_bounds = [{{ dfull }}]} : vector<{{ lanes }}x{{ element }}>, !cache
          }
{%- elif scaled %}
          {{- largest() }}
          %scales = vector.broadcast %scale : f32 to !f
          scf.for %d = %c0 to %depth step %lanes {
            {{- read('x', '%rows', element, '%row, %d') }}
            %part = arith.divf %x, %scales : !f
            %rounded = math.roundeven %part : !f
            %is_number = arith.cmpf ord, %rounded, %rounded : !f
            %number = arith.select %is_number, %rounded, %zero : !mask, !f
            %low = arith.maximumf %number, %bottom : !f
            %in = arith.minimumf %low, %ceiling : !f
            %wide = arith.fptosi %in : !f to !i
            %narrow = arith.trunci %wide : !i to vector<{{ lanes }}xi8>
            vector.transfer_write %narrow, %cache[%to, %d] {in_bounds = [{{ dfull }}]} : vector<{{ lanes }}xi8>, !cache
          }
{%- else %}
          scf.for %d = %c0 to %depth step %lanes {
            {{- read('x', '%rows', element, '%row, %d') }}
{%- if cache == 'f32' %}
            vector.transfer_write %x, %cache[%to, %d] {in_bounds = [{{ dfull }}]} : !f, !cache
{%- else %}
            %x_c = arith.truncf %x : !f to vector<{{ lanes }}x{{ cache }}>
            vector.transfer_write %x_c, %cache[%to, %d] {in_bounds = [{{ dfull }}]} : vector<{{ lanes }}x{{ cache }}>, !cache
{%- endif %}
          }
{%- endif %}
{%- endmacro %}

hal.executable.source private @cache_check {
  hal.executable.export public @cache_check ordinal(0) layout(#check_layout) count(%device: !hal.device) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %one, %one, %one : index, index, index
  }
  builtin.module {
    func.func @cache_check() {
{%- for i in range(4) %}
      {{- constant('c%d' | format(i), i) }}
{%- endfor %}
      {{- number('tokens', 0, '#check_layout') }}
      {{- number('slots_all', 1, '#check_layout') }}
      {{- bound('slots', '!slots', 0, '#check_layout', '%tokens') }}
      {{- bound('report', 'memref<4xi64>', 1, '#check_layout', '') }}
      %i64_least = arith.constant -9223372036854775808 : i64
      %i64_most = arith.constant 9223372036854775807 : i64
      %none = arith.constant -1 : i64
      %found:2 = scf.for %t = %c0 to %tokens step %c1 iter_args(%l = %i64_most, %g = %i64_least) -> (i64, i64) {
        %slot_e = memref.load %slots[%t] : !slots
        %slot_index = arith.index_cast %slot_e : {{ slot }} to index
        %slot = arith.index_cast %slot_index : index to i64
        %l_new = arith.minsi %l, %slot : i64
        %g_new = arith.maxsi %g, %slot : i64
        scf.yield %l_new, %g_new : i64, i64
      }
      %slots_i64 = arith.index_cast %slots_all : index to i64
{%- for value in ('%found#0', '%found#1', '%none', '%slots_i64') %}
      memref.store {{ value }}, %report[%c{{ loop.index0 }}] : memref<4xi64>
{%- endfor %}
      return
    }
  }
}

{%- for what in ['rows'] + (['scales'] if scaled else []) %}
hal.executable.source private @cache_write_{{ what }} {
  hal.executable.export public @cache_write_{{ what }} ordinal(0) layout(#write_layout) count(%device: !hal.device, %workers: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %workers, %one, %one : index, index, index
  }
  builtin.module {
    func.func @cache_write_{{ what }}() {
      {{- constant('c0', 0) }}
      {{- constant('c1', 1) }}
      {{- constant('lanes', lanes) }}
      {{- constant('depth', depth) }}
      {{- constant('kv_heads', kv_heads) }}
      {{- constant('page', page) }}
      {{- number('tokens', 0, '#write_layout') }}
      {{- number('slots_all', 1, '#write_layout') }}
      %zero_{{ element }} = arith.constant 0.0 : {{ element }}
{%- if scaled %}
      %zero = arith.constant dense<0.0> : !f
      %least = arith.constant {{ '%.9e' | format(2.0 ** -33) }} : f32
      %most = arith.constant 127.0 : f32
      %bottom = arith.constant dense<-127.0> : !f
      %ceiling = arith.constant dense<127.0> : !f
{%- endif %}
      %rows_all = arith.muli %tokens, %kv_heads : index
      %cache_rows = arith.muli %slots_all, %kv_heads : index
      {{- bound('rows', '!rows', 0, '#write_layout', '%rows_all') }}
      {{- bound('slots', '!slots', 1, '#write_layout', '%tokens') }}
      {{- bound('cache', '!cache' if what == 'rows' else 'memref<?xf32>', 2, '#write_layout', '%cache_rows') }}
      %worker = hal.interface.workgroup.id[0] : index
      %workers = hal.interface.workgroup.count[0] : index
      {{- at('worker_next', 'a + 1', '%worker') }}
      %first_of = arith.muli %worker, %tokens : index
      %end_of = arith.muli %worker_next, %tokens : index
      %first = arith.divui %first_of, %workers : index
      %end = arith.divui %end_of, %workers : index
      scf.for %t = %first to %end step %c1 {
        %slot_e = memref.load %slots[%t] : !slots
        %slot = arith.index_cast %slot_e : {{ slot }} to index
        %known = arith.cmpi ult, %slot, %slots_all : index
        scf.if %known {
          %block = arith.divui %slot, %page : index
          %in_page = arith.remui %slot, %page : index
          scf.for %kh = %c0 to %kv_heads step %c1 {
            {{- at('row', 'a * %d + b' | format(kv_heads), '%t', '%kh') }}
            {{- at('to', '(a * %d + b) * %d + c' | format(kv_heads, page), '%block', '%kh', '%in_page') }}
{%- if what == 'rows' %}
            {{- stored() }}
{%- else %}
            {{- largest() }}
            memref.store %scale, %cache[%to] : memref<?xf32>
{%- endif %}
          }
        }
      }
      return
    }
  }
}
{% endfor %}
{%- set changed = ['key_cache', 'value_cache'] + (['key_scale', 'value_scale'] if scaled else []) %}
{%- set types = {'key_cache': '!cachet', 'value_cache': '!cachet', 'key_scale': '!scalet', 'value_scale': '!scalet'} %}
{%- macro numbers() %}
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %slots, %c0 : !slotst
  %blocks_key_cache = tensor.dim %key_cache, %c0 : !cachet
  %page = arith.constant {{ page }} : index
  %slots_all = arith.muli %blocks_key_cache, %page : index
  %tokens_i32 = arith.index_castui %tokens : index to i32
  %slots_all_i32 = arith.index_castui %slots_all : index to i32
{%- endmacro %}
util.func private @cache_check_slots(%slots: !slotst, %key_cache: !cachet) -> tensor<4xi64> {
{{- numbers() }}
  %row = flow.dispatch @cache_check::@cache_check(%tokens_i32, %slots_all_i32, %slots) : (i32, i32, !slotst{ %tokens }) -> tensor<4xi64>
  util.return %row : tensor<4xi64>
}

util.func private @cache_write(%key: !rowst, %value: !rowst, %slots: !slotst{% for name in changed %}, %{{ name }}: {{ types[name] }}{% endfor %}) -> ({% for name in changed %}{{ types[name] }}{{ ', ' if not loop.last }}{% endfor %}) {
{{- numbers() }}
  %c1 = arith.constant 1 : index
{%- for name in changed[1:] %}
  %blocks_{{ name }} = tensor.dim %{{ name }}, %c0 : {{ types[name] }}
{%- endfor %}
  %most = arith.constant {{ workers }} : index
  %some = arith.maxui %tokens, %c1 : index
  %workers = arith.minui %some, %most : index
{%- for name in changed %}{% set what = 'scales' if 'scale' in name else 'rows' %}
  %new_{{ name }} = flow.dispatch @cache_write_{{ what }}::@cache_write_{{ what }}[%workers](%tokens_i32, %slots_all_i32, %{{ name.partition('_')[0] }}, %slots, %{{ name }}) : (i32, i32, !rowst{ %tokens }, !slotst{ %tokens }, {{ types[name] }}{ %blocks_{{ name }} }) -> %{{ name }}{ %blocks_{{ name }} }
{%- endfor %}
  util.return {% for name in changed %}%new_{{ name }}{{ ', ' if not loop.last }}{% endfor %} : {% for name in changed %}{{ types[name] }}{{ ', ' if not loop.last }}{% endfor %}
}
