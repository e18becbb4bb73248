// Values as Kotlin has them, and as the library does. The generated code calls this.

package com.rhosync.core

internal fun Value.native(): Any? =
    when (this) {
        is Value.Null -> null
        is Value.Boolean -> v1
        is Value.Integer -> v1
        is Value.Float -> v1
        is Value.Text -> v1
    }

internal fun lowered(value: Any?): Value =
    when (value) {
        null -> Value.Null
        is kotlin.Boolean -> Value.Boolean(value)
        is kotlin.Int -> Value.Integer(value.toLong())
        is kotlin.Long -> Value.Integer(value)
        is kotlin.Float -> Value.Float(value.toDouble())
        is kotlin.Double -> Value.Float(value)
        is kotlin.String -> Value.Text(value)
        else -> throw IllegalArgumentException("a value is a String, Int, Long, Double, Boolean or null, and not ${value::class}")
    }
