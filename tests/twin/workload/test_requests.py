"""Traces of requests to language models."""

import pytest

from arkwright.errors import InputError
from arkwright.twin.workload.read import read, read_jobs, read_requests
from twin.workload.traces import ms, names, reasons, written


def blocks(table):
    starts = table.block_starts
    return [table.blocks[starts[row] : starts[row + 1]].tolist() for row in range(len(table))]


def test_azure_requests(tmp_path):
    text = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4808,10\n"
        "2023-11-16 18:17:03.1000000,110,27\n"
        "2023-11-16 18:17:05,many,27\n"
    )
    reading = read(written(tmp_path, text))
    assert reading.format == "Azure LLM inference"
    table = reading.table
    assert table.is_dated
    assert table.at_ms.tolist() == [ms("2023-11-16T18:17:03.100"), ms("2023-11-16T18:17:03.979")]
    assert table.input_tokens.tolist() == [110, 4808]
    assert table.output_tokens.tolist() == [27, 10]
    assert blocks(table) == [[], []]
    assert reasons(reading.dropped) == {"no number of input tokens": (1, (4,))}


def test_burstgpt_requests_name_their_model(tmp_path):
    text = (
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,ChatGPT,472,18,490,Conversation log\n45.5,GPT-4,1087,230,1317,Conversation log\n"
    )
    table = read_requests(written(tmp_path, text)).table
    assert table.at_ms.tolist() == [5000, 45_500]
    assert names(table.model) == ["ChatGPT", "GPT-4"]
    assert not table.is_dated


def test_mooncake_lines_keep_their_prefix_blocks(tmp_path):
    text = (
        '{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [6, 7, 8]}\n'
        '{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}\n'
        "\n"
        '{"timestamp": 3, "input_length": -1, "output_length": 5, "hash_ids": [9]}\n'
        '{"timestamp": 4, "input_length": 1, "output_length": 5, "hash_ids": [1e30]}\n'
        f'{{"timestamp": 4, "input_length": {10**30}, "output_length": 5}}\n'
        '{"timestamp": 30535, "input_length": 6472, "output_length": 26}\n'
        '{"timestamp": 30536, "input_length": 64'
    )
    reading = read(written(tmp_path, text))
    table = reading.table
    assert reading.format == "Mooncake"
    assert table.at_ms.tolist() == [0, 27_482, 30_535]
    assert table.input_tokens.tolist() == [6758, 6955, 6472]
    assert blocks(table) == [[0, 1], [6, 7, 8], []]
    assert reasons(reading.dropped) == {
        "not a request in JSON": (3, (5, 6, 8)),
        "no number of input tokens": (1, (4,)),
    }


def test_a_table_of_requests_in_milliseconds(tmp_path):
    text = "t_ms,input_tokens,output_tokens,prefix_block_ids\n7,10,2,1 2 x 3\n5,11,3,\n"
    table = read_requests(written(tmp_path, text)).table
    assert table.at_ms.tolist() == [5, 7]
    assert blocks(table) == [[], [1, 2, 3]]


def test_requests_are_not_jobs_and_jobs_not_requests(tmp_path):
    asked = written(tmp_path, "t_ms,input_tokens,output_tokens\n7,10,2\n", "asked")
    ran = written(tmp_path, "submit_s,run_s,gpus\n0,1,1\n", "ran")
    with pytest.raises(InputError, match="requests to a model, not jobs"):
        read_jobs(asked)
    with pytest.raises(InputError, match="jobs, not requests to a model"):
        read_requests(ran)
