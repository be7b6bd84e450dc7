"""The queue: photos of many clients in one batch, no more than fit, none lost when it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from heatpose.service import ServedModel, Settings, create_app
from heatpose.service.desk import Desk
from heatpose.service.metrics import Metrics
from heatpose.service.models import Question
from heatpose.service.problems import Problem
from heatpose.service.worker import Job, Worker
from service_support import Bodies, b64, photo_of, png


@contextmanager
def serving(bodies: Bodies, **settings: Any) -> Iterator[TestClient]:
    """The service after its warm-up, which is forgotten."""
    app = create_app([ServedModel("planted", "body", bodies)], Settings(**settings))
    with TestClient(app, base_url="http://localhost") as client:
        assert app.state.desk.worker.ready.wait(10)
        bodies.batches.clear()
        assert bodies.entered.acquire(timeout=10)
        try:
            yield client
        finally:
            bodies.release()


def ask(client: TestClient, blue: int) -> Any:
    return client.post("/v1/poses", json={"image": b64(png(photo_of(blue)))})


def place(answer: Any) -> float:
    x: float = answer.json()["result"]["people"][0]["keypoints"][1][0]
    return x


def wait_for(client: TestClient, name: str, count: int) -> None:
    """Until a gauge has a value."""
    until = time.monotonic() + 10
    while f"{name} {count:.1f}" not in client.get("/metrics").text:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_clients_share_runs_and_get_their_own_answers() -> None:
    bodies = Bodies()
    with serving(bodies) as client, ThreadPoolExecutor(13) as pool:
        bodies.hold()
        first = pool.submit(ask, client, 100)
        assert bodies.entered.acquire(timeout=10)
        others = [pool.submit(ask, client, 101 + n) for n in range(12)]
        wait_for(client, "heatpose_queue_photos", 12)
        bodies.release()
        assert [place(one.result(10)) for one in [first, *others]] == list(range(100, 113))
    assert bodies.batches == [1, 8, 4]


def test_without_batching_each_photo_has_its_run() -> None:
    bodies = Bodies()
    with serving(bodies, max_batch=1) as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda blue: ask(client, blue), range(20, 24)))
        assert [place(one) for one in answers] == [20, 21, 22, 23]
    assert bodies.batches == [1] * 4


def test_an_unlucky_photo_harms_no_other() -> None:
    bodies = Bodies()
    with serving(bodies) as client, ThreadPoolExecutor(4) as pool:
        bodies.hold()
        first = pool.submit(ask, client, 20)
        assert bodies.entered.acquire(timeout=10)
        good, bad = pool.submit(ask, client, 21), pool.submit(ask, client, 13)
        wait_for(client, "heatpose_queue_photos", 2)
        bodies.release()
        assert place(first.result(10)) == 20 and place(good.result(10)) == 21
        assert bad.result(10).status_code == 422


def test_a_full_queue_says_when_to_come_again() -> None:
    bodies = Bodies()
    with serving(bodies, max_queue=2) as client, ThreadPoolExecutor(4) as pool:
        bodies.hold()
        taken = [pool.submit(ask, client, 20)]
        assert bodies.entered.acquire(timeout=10)
        taken += [pool.submit(ask, client, 21 + n) for n in range(2)]
        wait_for(client, "heatpose_queue_photos", 2)
        answer = ask(client, 30)
        assert answer.status_code == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.headers["content-type"] == "application/problem+json"
        bodies.release()
        assert [place(one.result(10)) for one in taken] == [20, 21, 22]
        assert place(ask(client, 30)) == 30
        assert 'heatpose_refused_total{why="queue"} 1.0' in client.get("/metrics").text


def test_the_queue_is_bounded_in_pixels_too() -> None:
    bodies = Bodies()
    with serving(bodies, max_queue_pixels=3000) as client, ThreadPoolExecutor(4) as pool:
        bodies.hold()
        taken = [pool.submit(ask, client, 20)]
        assert bodies.entered.acquire(timeout=10)
        taken.append(pool.submit(ask, client, 21))
        wait_for(client, "heatpose_queue_photos", 1)
        assert ask(client, 22).status_code == 503
        bodies.release()
        assert [place(one.result(10)) for one in taken] == [20, 21]


def test_photos_are_not_decoded_before_there_is_room() -> None:
    bodies = Bodies()
    with (
        serving(bodies, max_held_pixels=5000, deadline=3.0) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        photos = {"images": [b64(png(photo_of(20)))] * 3}  # 7200 pixels
        assert client.post("/v1/poses/batch", json=photos).status_code == 413
        bodies.hold()
        first = pool.submit(client.post, "/v1/poses/batch", json={"images": photos["images"][:2]})
        assert bodies.entered.acquire(timeout=10)
        second = pool.submit(ask, client, 21)
        assert client.post("/v1/poses", json={"image": "*"}).status_code == 422  # needs no room
        time.sleep(0.2)
        assert not second.done()
        bodies.release()
        assert first.result(10).status_code == 200
        assert place(second.result(10)) == 21
        assert place(ask(client, 22)) == 22


def test_no_room_within_the_deadline_is_503() -> None:
    desk = Desk([ServedModel("b", "body", Bodies())], Settings(deadline=0.2, max_held_pixels=3000),
                Metrics())  # fmt: skip
    photo = png(photo_of(20))

    async def two() -> Problem:
        async with desk.opened([photo]):
            with pytest.raises(Problem) as refused:
                async with desk.opened([photo]):
                    raise AssertionError
        async with desk.opened([photo]) as files:
            assert files == [photo]
        return refused.value

    problem = anyio.run(two)
    assert problem.status == 503 and "Retry-After" in problem.headers


def test_too_many_requests_at_work() -> None:
    bodies = Bodies()
    with serving(bodies, max_requests=1) as client, ThreadPoolExecutor(1) as pool:
        bodies.hold()
        first = pool.submit(ask, client, 20)
        assert bodies.entered.acquire(timeout=10)
        answer = ask(client, 21)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
        assert client.get("/healthz").status_code == 200
        bodies.release()
        assert place(first.result(10)) == 20
        assert place(ask(client, 21)) == 21


def test_late_answers_are_503_and_late_photos_are_not_looked_at() -> None:
    bodies = Bodies()
    with serving(bodies, deadline=2.0) as client, ThreadPoolExecutor(2) as pool:
        bodies.hold()
        both = [pool.submit(ask, client, 20 + n) for n in range(2)]
        for one in both:
            answer = one.result(10)
            assert answer.status_code == 503 and "time limit" in answer.json()["detail"]
            assert "retry-after" in answer.headers
        bodies.release()
        assert place(ask(client, 30)) == 30
    assert bodies.batches in ([1, 1], [2, 1])  # the one that waited was dropped


def job_of(model: ServedModel, blue: int, seconds: float = 10) -> Job:
    return Job(model, None, Question(photo_of(blue)), 0.0, time.monotonic() + seconds)


def test_closing_answers_what_waits_and_takes_no_more() -> None:
    bodies = Bodies()
    model = ServedModel("planted", "body", bodies)
    worker = Worker(Settings(max_batch=2), Metrics())
    worker.start()
    bodies.hold()
    jobs = [job_of(model, 20 + n) for n in range(5)]
    worker.submit(jobs)
    closing = threading.Thread(target=worker.close, args=(10,))
    closing.start()
    while True:
        try:
            worker.submit([job_of(model, 40)])
        except Problem as problem:
            refusal = problem
            break
    assert refusal.status == 503
    bodies.release()
    closing.join(10)
    assert not worker.alive
    assert [int(one.answer.result(0).keypoints[0, 1, 0]) for one in jobs] == [*range(20, 25)]


def test_closing_in_vain_tells_those_who_wait() -> None:
    bodies = Bodies()
    model = ServedModel("planted", "body", bodies)
    worker = Worker(Settings(max_batch=1), Metrics())
    worker.start()
    bodies.hold()
    jobs = [job_of(model, 20), job_of(model, 21)]
    worker.submit(jobs)
    assert bodies.entered.acquire(timeout=10)
    assert not worker.close(0.05)
    error = jobs[1].answer.exception(1)
    assert isinstance(error, Problem) and error.status == 503
    bodies.release()
    assert jobs[0].answer.result(10)


def test_a_photo_waits_for_others_as_long_as_it_may() -> None:
    bodies = Bodies()
    with serving(bodies, batch_wait=5.0, max_batch=3) as client, ThreadPoolExecutor(3) as pool:
        started = time.monotonic()
        answers = list(pool.map(lambda blue: ask(client, blue), range(20, 23)))
        assert [place(one) for one in answers] == [20, 21, 22]
        assert time.monotonic() - started < 4  # the batch was full
    assert bodies.batches == [3]


def test_not_ready_before_the_networks_have_run() -> None:
    bodies = Bodies()
    bodies.hold()
    app = create_app([ServedModel("planted", "body", bodies)])
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
        bodies.release()
        assert app.state.desk.worker.ready.wait(10)
        assert client.get("/readyz").status_code == 200


def test_networks_that_cannot_run_are_never_ready() -> None:
    def broken(images: Any) -> Any:
        raise OSError("no device")

    app = create_app([ServedModel("planted", "body", broken)])
    with TestClient(app, base_url="http://localhost") as client:
        app.state.desk.worker._thread.join(10)
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 503
        for _ in range(70):  # more than the queue holds
            started = time.monotonic()
            answer = ask(client, 20)
            assert answer.status_code == 503 and "do not run" in answer.json()["detail"]
            assert "retry-after" not in answer.headers
            assert time.monotonic() - started < 10
        assert "heatpose_queue_photos 0.0" in client.get("/metrics").text


def test_photos_that_waited_for_a_warm_up_in_vain_are_told() -> None:
    begun, wait = threading.Event(), threading.Event()

    def broken() -> None:
        begun.set()
        assert wait.wait(30)
        raise OSError("no device")

    worker = Worker(Settings(), Metrics(), broken)
    worker.start()
    assert begun.wait(30)
    jobs = [job_of(ServedModel("planted", "body", Bodies()), 20 + n) for n in range(3)]
    worker.submit(jobs)
    assert jobs[0].answer.cancel()
    wait.set()
    for job in jobs[1:]:
        error = job.answer.exception(30)
        assert isinstance(error, Problem) and error.status == 503
    with pytest.raises(Problem, match="do not run"):
        worker.submit(jobs)


def test_a_worker_that_ends_tells_all_and_can_be_started_again() -> None:
    class Ending(Bodies):
        ends = True

        def __call__(self, images: Any) -> Any:
            found = super().__call__(images)
            if self.ends:
                raise SystemExit("what a photo holds is nobody's business")
            return found

    bodies = Ending()
    model = ServedModel("planted", "body", bodies)
    worker = Worker(Settings(max_batch=2), Metrics())
    bodies.hold()
    worker.start()
    jobs = [job_of(model, 20 + n) for n in range(5)]
    worker.submit(jobs)
    assert bodies.entered.acquire(timeout=30)
    bodies.release()
    for job in jobs:
        error = job.answer.exception(30)
        assert isinstance(error, Problem) and error.status == 503
    assert worker._thread is not None
    worker._thread.join(30)
    assert not worker.alive and not worker.ready.is_set()
    bodies.ends = False
    worker.start()
    again = job_of(model, 40)
    worker.submit([again])
    assert again.answer.result(30)
    assert worker.close(30)
