{#- softmax(q k^T * scale) v for each head, written for CPUs; a Jinja template: tiles are unrolled.

One dispatch. The query rows of all heads are shared among a workgroup for each core, in units of
`unit` rows. When a workgroup comes to other keys (another key head or segment), it packs all their
keys and values into its part of a scratch buffer, in the order in which products read them. Then it
computes each block of `rows` positions: in blocks of keys, scores, softmax and the product with the
values (`attend` of the form). The bits of a row depend on nothing but its query, its segment's keys
and values, and the form.

The scratch buffer is lines of 64 bytes. A form is a template that defines its sizes and `pack` and
`attend`; `packed`: there are segments, by `cu_seqlens`, clamped to the sequence; positions outside of
all are zero. `causal`: the queries are the last ones of the keys, and see those up to their own. Only
keys that a query block sees are packed and multiplied, and workers share the pairs of query and key,
not the query blocks. `heads_first`: keys and values are [batch][heads][keys][channels]. `sliced`: a
sequence has memory for `room` keys, of which the first `keys` are there.
-#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- set numbers = ['batch', 'seq', 'lines_each', 'lines_all'] + (['bounds'] if packed else []) + (['keys'] if causal else []) + (['room'] if sliced else []) + (['mask_bs', 'mask_hs', 'mask_rows'] if mask else []) -%}
{%- set inputs = ['q', 'k', 'v'] + (['cu'] if packed else []) + (['mask'] if mask else []) + (['sinks'] if sinks else []) -%}
{%- import form ~ '.mlir' as form_text with context -%}
{%- from 'attention_causal.mlir' import causal_constants, causal_share with context -%}
{%- set sizes = form_text.sizes -%}
{%- set dfull = 'true' if depth % 32 == 0 else 'false' -%}
!q = memref<?x?x{{ heads }}x{{ depth }}x{{ element }}>
!kv = memref<?x{{ '%dx?' % kv_heads if heads_first else '?x%d' % kv_heads }}x{{ depth }}x{{ element }}>
!cu = memref<?xi32>
!lines = memref<?x16xf32>
!qt = tensor<?x?x{{ heads }}x{{ depth }}x{{ element }}>
!kvt = tensor<?x{{ '%dx?' % kv_heads if heads_first else '?x%d' % kv_heads }}x{{ depth }}x{{ element }}>
!cut = tensor<?xi32>
!linest = tensor<?x16xf32>
!e = vector<32x{{ element }}>
!f = vector<16xf32>
!mask = vector<16xi1>
#layout = #hal.pipeline.layout<constants = {{ numbers | length }}, bindings = [
{%- for name in inputs %} #hal.pipeline.binding<storage_buffer, ReadOnly>,{% endfor %} #hal.pipeline.binding<storage_buffer>, #hal.pipeline.binding<storage_buffer>]>
{%- macro number(name, ordinal) %}
      %{{ name }}_i32 = hal.interface.constant.load layout(#layout) ordinal({{ ordinal }}) : i32
      %{{ name }} = arith.index_castui %{{ name }}_i32 : i32 to index
{%- endmacro %}

{%- macro parts() %}
        %length = arith.subi %hi, %lo : index
        %count = arith.ceildivui %length, %c32 : index
        %same_kv = arith.cmpi eq, %kv, %in_kv : index
        %same_lo = arith.cmpi eq, %lo, %in_lo : index
        %same_hi = arith.cmpi eq, %hi, %in_hi : index
        %same_keys = arith.andi %same_lo, %same_hi : i1
        %same = arith.andi %same_kv, %same_keys : i1
        scf.if %same {
        } else {
        {{- form_text.pack() }}
        }
        scf.for %rb = %r_first to %r_end step %rows {
          %r_left = arith.subi %r_end, %rb : index
          %rn = arith.minsi %r_left, %rows : index
          {{- form_text.attend() }}
        }
{%- endmacro -%}

hal.executable.source private @attention_{{ form }} {
  hal.executable.export public @attention_{{ form }} ordinal(0) layout(#layout) count(%device: !hal.device, %workers: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %workers, %one, %one : index, index, index
  }
  builtin.module {
{{ functions }}
    func.func @attention_{{ form }}() {

{%- for name in numbers %}
      {{- number(name, loop.index0) }}
{%- endfor %}
{%- for i in (0, 1, 2, 8, 16, 32) %}
      {{- constant('c%d' | format(i), i) }}
{%- endfor %}
      {{- constant('heads', heads) }}
      {{- constant('group', heads // kv_heads) }}
      {{- constant('kv_heads', kv_heads) }}
      {{- constant('rows', rows) }}
      {{- constant('unit', unit) }}
      {{- constant('none', -1) }}
      %zeroe = arith.constant 0.0 : {{ element }}
      %zero = arith.constant dense<0.0> : !f
      %lowest = arith.constant dense<0xFF7FFFFF> : !f
{%- set keys_of = '%keys' if causal else '%seq' %}
{%- set room = '%room' if sliced else keys_of %}
{%- set types = {
  'q': ('qs', '!q', '%batch, %seq'), 'k': ('ks', '!kv', '%batch, ' ~ room), 'v': ('vs', '!kv', '%batch, ' ~ room),
  'cu': ('cu', '!cu', '%bounds'), 'mask': ('masks', 'memref<?x?x?x?x%s>' % mask, '%mask_bs, %mask_hs, %mask_rows, %keys'),
  'sinks': ('sinks', 'memref<%dx%s>' % (heads, sinks), ''),
} %}
{%- for name in inputs %}{% set what = types[name] %}
      %{{ what[0] }} = hal.interface.binding.subspan layout(#layout) binding({{ loop.index0 }}) offset(%c0) : {{ what[1] }}{{ '{ %s }' | format(what[2]) if what[2] }}
{%- endfor %}
      %os = hal.interface.binding.subspan layout(#layout) binding({{ inputs | length }}) offset(%c0) : !q{ %batch, %seq }
      %lines = hal.interface.binding.subspan layout(#layout) binding({{ inputs | length + 1 }}) offset(%c0) : !lines{ %lines_all }
      %worker = hal.interface.workgroup.id[0] : index
      %workers = hal.interface.workgroup.count[0] : index

      %k_base = memref.extract_aligned_pointer_as_index %ks : !kv -> index
      %v_base = memref.extract_aligned_pointer_as_index %vs : !kv -> index

      // This worker's part of the scratch buffer, and of the query blocks.
      %own = arith.muli %worker, %lines_each : index
      %blocks = arith.ceildivui %seq, %unit : index
      %heads_all = arith.muli %batch, %heads : index
      %items = arith.muli %blocks, %heads_all : index
      {{- at('worker_next', 'a + 1', '%worker') }}
{%- if causal %}
      {{- causal_share() }}
{%- else %}
      %first_of = arith.muli %worker, %items : index
      %end_of = arith.muli %worker_next, %items : index
      %first = arith.divui %first_of, %workers : index
      %end = arith.divui %end_of, %workers : index
{%- endif %}
      %head_first = arith.divui %first, %blocks : index
      %head_end = arith.ceildivui %end, %blocks : index
      {{- form_text.constants() }}
{%- if causal %}
      {{- causal_constants() }}
{%- endif %}

      %had:3 = scf.for %any_head = %head_first to %head_end step %c1 iter_args(%had_kv = %none, %had_lo = %none, %had_hi = %none) -> (index, index, index) {
        %b = arith.divui %any_head, %heads : index
        %h = arith.remui %any_head, %heads : index
        %kh = arith.divui %h, %group : index
        %b_kv = arith.muli %b, %kv_heads : index
        %kv = arith.addi %b_kv, %kh : index
{%- if heads_first %}
        %b_first = arith.muli %kv, {{ room }} : index
{%- else %}
        %b_first = arith.muli %b, {{ room }} : index
{%- endif %}
        %before = arith.muli %any_head, %blocks : index
        %from_first = arith.subi %first, %before : index
        %from_end = arith.subi %end, %before : index
        %block_first = arith.maxsi %from_first, %c0 : index
        %block_end = arith.minsi %from_end, %blocks : index
        %p_first = arith.muli %block_first, %unit : index
        %p_until = arith.muli %block_end, %unit : index
        %p_end = arith.minsi %p_until, %seq : index
{%- if packed %}
        scf.for %p = %p_first to %p_end step %c1 {
          %nothing = arith.constant dense<0.0> : !e
          scf.for %d = %c0 to %depth step %c32 {
            vector.transfer_write %nothing, %os[%b, %p, %h, %d] {in_bounds = [{{ dfull }}]} : !e, !q
          }
        }
        %segments_or_none = arith.maxsi %bounds, %c1 : index
        %segments = arith.subi %segments_or_none, %c1 : index
        %have:3 = scf.for %segment = %c0 to %segments step %c1 iter_args(%in_kv = %had_kv, %in_lo = %had_lo, %in_hi = %had_hi) -> (index, index, index) {
          {{- at('segment_next', 'a + 1', '%segment') }}
          %lo_i32 = memref.load %cu[%segment] : !cu
          %hi_i32 = memref.load %cu[%segment_next] : !cu
          %lo_any = arith.index_cast %lo_i32 : i32 to index
          %hi_any = arith.index_cast %hi_i32 : i32 to index
          %lo = arith.maxsi %lo_any, %c0 : index
          %hi = arith.minsi %hi_any, %seq : index
          %r_first = arith.maxsi %lo, %p_first : index
          %r_end = arith.minsi %hi, %p_end : index
          %some = arith.cmpi slt, %r_first, %r_end : index
          %out:3 = scf.if %some -> (index, index, index) {
            {{- parts() }}
            scf.yield %kv, %lo, %hi : index, index, index
          } else {
            scf.yield %in_kv, %in_lo, %in_hi : index, index, index
          }
          scf.yield %out#0, %out#1, %out#2 : index, index, index
        }
        scf.yield %have#0, %have#1, %have#2 : index, index, index
{%- elif causal %}
        %some = arith.cmpi slt, %p_first, %p_end : index
        %out:3 = scf.if %some -> (index, index, index) {
          %r_first = arith.addi %p_first, %c0 : index
          %r_end = arith.addi %p_end, %c0 : index
          %hi = arith.addi %r_end, %shift : index
{%- if window %}
          {{- at('lo_any', 'a + b - %d' | format(window - 1), '%r_first', '%shift') }}
          %lo = arith.maxsi %lo_any, %c0 : index
{%- else %}
          %lo = arith.constant 0 : index
{%- endif %}
          %in_kv = arith.addi %had_kv, %c0 : index
          %in_lo = arith.addi %had_lo, %c0 : index
          %in_hi = arith.addi %had_hi, %c0 : index
{%- if mask %}
          %mask_b = arith.minsi %b, %mask_last_b : index
          %mask_h = arith.minsi %h, %mask_last_h : index
{%- endif %}
          {{- parts() }}
          scf.yield %kv, %lo, %hi : index, index, index
        } else {
          scf.yield %had_kv, %had_lo, %had_hi : index, index, index
        }
        scf.yield %out#0, %out#1, %out#2 : index, index, index
{%- else %}
        %lo = arith.constant 0 : index
        %hi = arith.addi %seq, %c0 : index
        %r_first = arith.addi %p_first, %c0 : index
        %r_end = arith.addi %p_end, %c0 : index
        %in_kv = arith.addi %had_kv, %c0 : index
        %in_lo = arith.constant 0 : index
        %in_hi = arith.addi %seq, %c0 : index
        {{- parts() }}
        scf.yield %kv, %lo, %hi : index, index, index
{%- endif %}
      }
      return
    }
  }
}

{%- set tensors = {
  'q': ('!qt', '%batch, %seq'), 'k': ('!kvt', '%batch, ' ~ room), 'v': ('!kvt', '%batch, ' ~ room), 'cu': ('!cut', '%bounds'),
  'mask': ('tensor<?x?x?x?x%s>' % mask, '%mask_bs, %mask_hs, %mask_rows, %keys'), 'sinks': ('tensor<%dx%s>' % (heads, sinks), ''),
} %}
util.func private @attention({% for name in inputs %}%{{ name }}: {{ tensors[name][0] }}{{ ', ' if not loop.last }}{% endfor %}{{ ', %length: i64' if sliced }}) -> !qt {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %q, %c0 : !qt
  %seq = tensor.dim %q, %c1 : !qt
{%- if packed %}
  %bounds = tensor.dim %cu, %c0 : !cut
{%- endif %}
{%- if causal %}
  %c2 = arith.constant 2 : index
  {{ room }} = tensor.dim %k, %c{{ 2 if heads_first else 1 }} : !kvt
{%- if sliced %}
  // At least the queries, which are the last of the keys.
  %length_any = arith.index_cast %length : i64 to index
  %length_low = arith.maxsi %length_any, %seq : index
  %keys = arith.minsi %length_low, %room : index
{%- endif %}
{%- endif %}
{%- if mask %}
  %mask_bs = tensor.dim %mask, %c0 : tensor<?x?x?x?x{{ mask }}>
  %mask_hs = tensor.dim %mask, %c1 : tensor<?x?x?x?x{{ mask }}>
  %mask_rows = tensor.dim %mask, %c2 : tensor<?x?x?x?x{{ mask }}>
{%- endif %}
  %heads = arith.constant {{ heads }} : index
  %unit = arith.constant {{ unit }} : index
  %blocks = arith.ceildivui %seq, %unit : index
  %heads_all = arith.muli %batch, %heads : index
  %items = arith.muli %blocks, %heads_all : index
  %most = arith.constant {{ workers }} : index
  %workers = arith.minui %items, %most : index
  %c32 = arith.constant 32 : index
  %key_steps = arith.ceildivui {{ keys_of }}, %c32 : index
  %step_lines = arith.constant {{ sizes.step_lines }} : index
  %fixed_lines = arith.constant {{ sizes.fixed_lines }} : index
  %key_lines = arith.muli %key_steps, %step_lines : index
  %lines_each = arith.addi %key_lines, %fixed_lines : index
  %lines_all = arith.muli %lines_each, %workers : index
{%- for name in numbers %}
  %{{ name }}_i32 = arith.index_castui %{{ name }} : index to i32
{%- endfor %}
  %y:2 = flow.dispatch @attention_{{ form }}::@attention_{{ form }}[%workers]({% for name in numbers %}%{{ name }}_i32, {% endfor %}{% for name in inputs %}%{{ name }}{{ ', ' if not loop.last }}{% endfor %}) : ({% for name in numbers %}i32, {% endfor %}{% for name in inputs %}{{ tensors[name][0] }}{{ '{ %s }' | format(tensors[name][1]) if tensors[name][1] }}{{ ', ' if not loop.last }}{% endfor %}) -> (!qt{ %batch, %seq }, !linest{ %lines_all })
  util.return %y#0 : !qt
}
