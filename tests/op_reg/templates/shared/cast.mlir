{%- macro widen(name, element) -%}
{%- if element == "f32" %}    %{{ name }}_wide = arith.bitcast %{{ name }} : f32 to f32
{%- else %}    %{{ name }}_wide = arith.extf %{{ name }} : {{ element }} to f32
{%- endif -%}
{%- endmacro -%}
{%- macro narrow(name, element) -%}
{%- if element == "f32" %}    %{{ name }}_narrow = arith.bitcast %{{ name }} : f32 to f32
{%- else %}    %{{ name }}_narrow = arith.truncf %{{ name }} : f32 to {{ element }}
{%- endif -%}
{%- endmacro -%}
