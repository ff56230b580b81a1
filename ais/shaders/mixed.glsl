// How a filter's result is laid over the picture before it.

uniform sampler2D base;
uniform float keep;
uniform float gain;
uniform float offset;

vec4 mixed(vec4 filtered) {
    return keep * texelFetch(base, ivec2(gl_FragCoord.xy), 0) + gain * filtered + offset;
}
